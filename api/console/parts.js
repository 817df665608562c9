// Pieces that pages share: states, badges, tiles, tables, choices.

import { fill, h } from "./dom.js";
import { percent } from "./format.js";
import { ruleText, t } from "./i18n.js";

/** What is shown while nothing is there yet. */
function loading() {
  return h("div", { class: "state", role: "status" }, h("span", { class: "spinner" }), t("state.loading"));
}

export function empty(text, hint) {
  return h("div", { class: "state" }, h("div", { class: "state-mark", "aria-hidden": "true" }, "∅"), h("div", {}, text), hint && h("div", { class: "muted" }, hint));
}

/** A problem in the server's words, with a way to go on. */
export function failed(problem, again) {
  const title = problem.status === 0 ? t("state.unreachable") : problem.title || t("state.failed");
  return h("div", { class: "state failed", role: "alert" },
    h("div", { class: "state-mark", "aria-hidden": "true" }, "!"),
    h("strong", {}, title),
    problem.detail && !(problem.errors?.length > 1) && h("div", {}, problem.detail),
    problem.errors?.length > 1 ? h("ul", {}, problem.errors.map((each) => h("li", {}, `${each.field}: ${each.message}`))) : null,
    again && h("button", { class: "button", type: "button", onclick: again }, t("state.again")));
}

/** Fill `place` with what `load` makes: a spinner at first, the problem if there is one; without flicker later on. */
export async function into(place, load, signal) {
  if (!place.hasChildNodes()) fill(place, loading());
  try {
    const content = await load();
    if (!signal.aborted && content !== undefined) fill(place, content);
  } catch (error) {
    if (signal.aborted || error.name === "AbortError" || error.status === 401) return;
    fill(place, failed(error, () => into(place, load, signal)));
    if (error.status === undefined) throw error;
  }
}

export function card(title, body, tools) {
  return h("section", { class: "card" }, h("header", {}, h("h2", {}, title), tools && h("div", { class: "tools" }, tools)), body);
}

/** One number of the overview; `state`: ok, warning, critical or undefined. */
export function tile(name, label, value, note, state) {
  return h("div", { class: `tile ${state ?? ""}`, dataset: { tile: name } },
    h("div", { class: "tile-label" }, label),
    h("div", { class: "tile-value" }, state && state !== "ok" ? mark(state) : null, value),
    h("div", { class: "tile-note" }, note));
}

const MARKS = { ok: "●", off: "○", info: "●", warning: "▲", critical: "◆" };
const mark = (state) => h("span", { class: `mark ${state}`, "aria-hidden": "true" }, MARKS[state]);

export function badge(state, text) {
  return h("span", { class: `badge ${state}` }, mark(state), text);
}

export const onlineBadge = (online) => (online ? badge("ok", t("online.yes")) : badge("off", t("online.no")));
export const severityBadge = (severity) => badge(severity, t(`severity.${severity}`));
export const ruleName = (rule) => ruleText(rule).replace(/^./, (first) => first.toUpperCase());

export function alertCount(count, href) {
  if (!count) return h("span", { class: "muted" }, "0");
  return h("a", { href, class: "count" }, mark("warning"), String(count));
}

export function judge(share, good, fair) {
  if (share === null || share === undefined) return undefined;
  return share >= good ? "ok" : share >= fair ? "warning" : "critical";
}

export function completenessBar(share) {
  const inner = h("span", { class: `bar-fill ${judge(share, 0.98, 0.9) ?? ""}` });
  inner.style.width = `${(share ?? 0) * 100}%`;
  return h("span", { class: "completeness" }, h("span", { class: "bar", "aria-hidden": "true" }, inner), h("span", { class: "figure" }, percent(share)));
}

/** A choice of one among few; `options`: [value, text, disabled?]. */
export function segments(label, options, chosen, choose) {
  return h("div", { class: "segments", role: "group", "aria-label": label },
    options.map(([value, text, disabled]) =>
      h("button", {
        type: "button", disabled, "aria-pressed": String(value === chosen), dataset: { focus: `${label}:${value}`, value }, onclick: () => choose(value),
      }, text)));
}

export function select(label, options, chosen, choose) {
  const box = h("select", { "aria-label": label, onchange: () => choose(box.value) }, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
  return h("label", { class: "field" }, h("span", {}, label), box);
}

/**
 * A table that sorts by its headings and, on a phone, turns each row into a card.
 * columns: {key, label, cell(row), value(row) to sort by, class}. Shows `shown` rows, more when asked.
 */
export class Table {
  #rows = [];
  #shown;

  constructor(columns, { sort, down = false, key, shown = 100, none, rowClass } = {}) {
    Object.assign(this, { columns, sort, down, key, step: shown, none, rowClass });
    this.#shown = shown;
    this.element = h("div", { class: "table" });
  }

  update(rows) {
    this.#rows = rows;
    this.#draw();
    return this.element;
  }

  #draw() {
    if (!this.#rows.length) return fill(this.element, empty(this.none ?? t("state.nothing")));
    const rows = this.#sorted();
    const left = rows.length - this.#shown;
    fill(this.element,
      h("table", {}, h("thead", {}, h("tr", {}, this.columns.map((column) => this.#heading(column)))), h("tbody", {}, rows.slice(0, this.#shown).map((row) => this.#row(row)))),
      left > 0 && h("button", { class: "button more", type: "button", dataset: { focus: "more" }, onclick: () => this.#more() }, t("table.more", { n: left })));
  }

  #more() {
    this.#shown += this.step;
    this.#draw();
  }

  #sorted() {
    const column = this.columns.find((each) => each.key === this.sort);
    if (!column) return this.#rows;
    const sign = this.down ? -1 : 1;
    return [...this.#rows].sort((a, b) => sign * compare(column.value(a), column.value(b)));
  }

  #heading(column) {
    if (!column.value) return h("th", { scope: "col", class: column.class }, column.label);
    const mine = column.key === this.sort;
    const arrow = mine ? (this.down ? "↓" : "↑") : "";
    return h("th", { scope: "col", class: column.class, "aria-sort": mine ? (this.down ? "descending" : "ascending") : "none" },
      h("button", { type: "button", class: "sort", dataset: { focus: `sort:${column.key}` }, onclick: () => this.#by(column.key) }, column.label, h("span", { "aria-hidden": "true" }, arrow)));
  }

  #by(key) {
    this.down = key === this.sort && !this.down;
    this.sort = key;
    this.#draw();
  }

  #row(row) {
    return h("tr", { dataset: { key: this.key?.(row) ?? "" }, class: this.rowClass?.(row) },
      this.columns.map((column) => h("td", { class: column.class, "data-label": column.label }, column.cell(row))));
  }
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return typeof a === "string" ? a.localeCompare(b, document.documentElement.lang) : a - b;
}
