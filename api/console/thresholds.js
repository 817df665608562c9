// How thresholds of alert rules and the scopes they are set for are shown and entered.

import { h } from "./dom.js";
import { NOTHING, unitText } from "./format.js";
import { carrierName, inLanguage, t } from "./i18n.js";
import { badge } from "./parts.js";

const KINDS = ["default", "carrier", "enterprise", "point"];

export const isOn = (rule) => rule.effective.enabled !== false;
export const onBadge = (rule) => (isOn(rule) ? badge("ok", t("rules.on")) : badge("off", t("rules.off")));

export function unverified(rule) {
  return rule.verified ? null : h("span", { class: "tag", title: rule.source || t("rules.unverifiedhint") }, t("rules.unverified"));
}

/** A threshold's value in words: `0.05`, `6 h`, off. */
export function figure(threshold, value) {
  if (value === undefined) return NOTHING;
  if (value === null) return t("rules.off");
  if (typeof value === "boolean") return t(value ? "rules.on" : "rules.off");
  return `${value} ${unitText(threshold.unit)}`.trim();
}

/** What may be set: `1 – 168 h, whole number`. */
export function bounds({ least, most, whole, unit }) {
  const range = least === null ? "" : most === null ? `${least} ${t("rules.ormore")}` : `${least} – ${most}`;
  return [`${range} ${unitText(unit)}`.trim(), whole && t("rules.whole")].filter(Boolean).join(t("word.comma"));
}

/** `point:USCC/CODE` and so on as its parts. */
export function parse(text) {
  const [kind, rest = ""] = text.split(/:(.*)/s);
  const [of, code = ""] = kind === "point" ? rest.split(/\/(.*)/s) : [rest];
  return { kind, of, code };
}

export function write({ kind, of, code }) {
  return kind === "default" ? kind : kind === "point" ? `point:${of}/${code}` : `${kind}:${of}`;
}

/** Widest scope first. */
export const order = (text) => `${KINDS.indexOf(parse(text).kind)}${text}`;

/** A scope as people call it; `enterprises`: those that are known by name. */
export function scopeName(text, enterprises) {
  const { kind, of, code } = parse(text);
  if (kind === "default") return t("scope.default");
  if (kind === "carrier") return carrierName(of);
  const name = enterprises.find((each) => each.uscc === of)?.name ?? of;
  return kind === "point" ? `${name} · ${code}` : name;
}

/**
 * Inputs for thresholds. `own`: what the scope has, `wider`: what holds there now; empty follows the wider scopes.
 * `read()` gives what is entered, as the API takes it.
 */
export function inputs(thresholds, own, wider) {
  const fields = thresholds.map((one) => (typeof one.default === "boolean" ? choice(one, own, wider) : amount(one, own, wider)));
  const read = () => Object.fromEntries(fields.map(({ key, value }) => [key, value()]).filter(([, value]) => value !== undefined));
  return { elements: fields.map(({ element }) => element), read };
}

function choice(one, own, wider) {
  const follow = t("rules.follow", { value: figure(one, wider[one.key]) });
  const options = [["", follow], ["true", t("rules.on")], ["false", t("rules.off")]];
  const box = h("select", { id: one.key }, options.map(([value, text]) => h("option", { value, selected: value === String(own[one.key] ?? "") }, text)));
  return { key: one.key, element: field(one, box), value: () => (box.value ? box.value === "true" : undefined) };
}

function amount(one, own, wider) {
  const box = h("input", { type: "number", id: one.key, step: one.whole ? 1 : "any", min: one.least, max: one.most, value: own[one.key] ?? "", placeholder: t("rules.follow", { value: figure(one, wider[one.key]) }) });
  const off = one.optional && h("input", { type: "checkbox", id: `${one.key}-off`, checked: own[one.key] === null, onchange: () => { box.disabled = off.checked; } });
  box.disabled = Boolean(off && off.checked);
  const value = () => (off && off.checked ? null : box.value === "" ? undefined : Number(box.value));
  return { key: one.key, element: field(one, box, off), value };
}

function field(one, box, off) {
  return h("div", { class: "entry", dataset: { field: one.key } },
    h("label", { for: one.key }, inLanguage(one)),
    h("div", { class: "filters" }, box, off && h("label", { class: "nowrap" }, off, " ", t("rules.off"))),
    h("span", { class: "muted under" }, bounds(one)));
}
