// What an edit did or would do: sums, chart and numbers of the touched intervals.

import { beforeAfter, chart, colourOf } from "../charts.js";
import { h } from "../dom.js";
import { exact, withUnit } from "../format.js";
import { t } from "../i18n.js";
import { tile } from "../parts.js";

/** `found`: `before`, `after`, `unit` and `intervals` of the API; `plain`: without the chart. */
export function outcome(found, { item, signal, plain = false }) {
  const { intervals, unit } = found;
  const difference = (found.after ?? 0) - (found.before ?? 0);
  const sums = h("p", {}, t("edits.sums", { before: withUnit(found.before, unit), after: withUnit(found.after, unit), difference: `${difference > 0 ? "+" : ""}${withUnit(difference, unit)}` }));
  if (plain) return [sums, found.pending && h("p", { class: "muted" }, t("edits.pending")), numbers(intervals)];
  const canvas = h("div", { class: "chart small", dataset: { chart: "preview" } });
  chart(canvas, signal).setOption(beforeAfter(intervals, { unit, colour: colourOf(item.carrier), label: sums.textContent }));
  return [
    h("div", { class: "tiles five" },
      tile("before", t("edits.before"), withUnit(found.before, unit), ""),
      tile("after", t("edits.after"), withUnit(found.after, unit), ""),
      tile("difference", t("edits.difference"), `${difference > 0 ? "+" : ""}${withUnit(difference, unit)}`, found.changed ? t("edits.changed", { n: found.changed }) : t("edits.unchanged"), found.changed ? undefined : "warning")),
    canvas,
    h("details", { class: "numbers" }, h("summary", {}, t("chart.table")), numbers(intervals)),
  ];
}

function numbers({ start, before, after, quality_before, quality_after }) {
  const cell = (value, quality) => h("td", { class: "num" }, exact(value), h("span", { class: "muted under" }, t(`kind.${quality}`)));
  const different = start.map((_, i) => i).filter((i) => before[i] !== after[i] || quality_before[i] !== quality_after[i]);
  return h("div", { class: "scroll", tabindex: "0" }, h("table", {},
    h("thead", {}, h("tr", {}, [t("word.time"), t("edits.before"), t("edits.after")].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, different.map((i) => h("tr", {}, h("td", { class: "nowrap" }, start[i].slice(0, 16).replace("T", " ")), cell(before[i], quality_before[i]), cell(after[i], quality_after[i]))))));
}
