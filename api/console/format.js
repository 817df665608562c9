// Numbers, units, times and durations as people read them.

import { h } from "./dom.js";
import { language, t } from "./i18n.js";
import { DAY, HOUR, MINUTE, local } from "./time.js";

const SYMBOLS = { m3: "m³", Nm3: "Nm³", "m3/h": "m³/h", "Nm3/h": "Nm³/h", degC: "°C", 1: "" };
export const NOTHING = "–";

export function unitText(unit) {
  return SYMBOLS[unit] ?? unit ?? "";
}

/** A number with as many digits as its size deserves. */
export function number(value) {
  if (value === null || value === undefined) return NOTHING;
  const size = Math.abs(value);
  const digits = size >= 1000 || size === 0 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString(language, { maximumFractionDigits: digits });
}

/** A register as it stands on the meter's display. */
export function exact(value) {
  return value === null || value === undefined ? NOTHING : value.toLocaleString(language, { maximumFractionDigits: 3 });
}

export function withUnit(value, unit) {
  return value === null || value === undefined ? NOTHING : `${number(value)} ${unitText(unit)}`.trim();
}

/** A share in percent; rounded down, so that 99.96 % never reads as complete. */
export function percent(share) {
  if (share === null || share === undefined) return NOTHING;
  return `${(Math.floor(share * 1000 + 1e-9) / 10).toLocaleString(language, { maximumFractionDigits: 1 })} %`;
}

/** A length of time in its two largest units. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const steps = [[DAY / 1000, "time.d"], [HOUR / 1000, "time.h"], [MINUTE / 1000, "time.min"], [1, "time.s"]];
  const first = Math.max(0, steps.findIndex(([size]) => seconds >= size));
  if (seconds === 0) return t("time.s", { n: 0 });
  const [size, word] = steps[first];
  const parts = [t(word, { n: Math.floor(seconds / size) })];
  const rest = steps[first + 1];
  const remainder = rest ? Math.floor((seconds % size) / rest[0]) : 0;
  if (remainder) parts.push(t(rest[1], { n: remainder }));
  return parts.join(" ");
}

export function when(time, zone) {
  return time ? local(time, zone).slice(0, 16) : NOTHING;
}

/** How long ago, kept up to date by `tick`. */
export function age(time) {
  if (!time) return NOTHING;
  return h("time", { datetime: time, "data-age": true }, ageText(time));
}

function ageText(time) {
  return t("time.ago", { age: duration(Date.now() - Date.parse(time)) });
}

/** How long something lasts that began at `from` and may still go on. */
export function lasting(from, to) {
  if (to) return duration(Date.parse(to) - Date.parse(from));
  return h("time", { datetime: from, "data-lasting": true }, duration(Date.now() - Date.parse(from)));
}

export function tick() {
  for (const each of document.querySelectorAll("time[data-age]")) each.textContent = ageText(each.dateTime);
  for (const each of document.querySelectorAll("time[data-lasting]")) {
    each.textContent = duration(Date.now() - Date.parse(each.dateTime));
  }
}
