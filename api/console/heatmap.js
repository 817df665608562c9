// A calendar as a table: a row per subject, a column per day, each cell a share as colour and number, and a way to go on.

import { h } from "./dom.js";
import { percent } from "./format.js";
import { t } from "./i18n.js";

const STEPS = [[0.98, "good"], [0.9, "fair"], [0.5, "poor"], [-Infinity, "bad"]];
const ARROWS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

/** How well a share does; `null` where there is none. */
const step = (share) => (share === null ? "none" : STEPS.find(([least]) => share >= least)[1]);
/** In whole percents, rounded to the worse side. */
const whole = ({ share, less }) => (share === null ? "" : String(less ? Math.ceil(share * 100 - 1e-9) : Math.floor(share * 100 + 1e-9)));

/**
 * `rows`: {key, name, href, days: [cell], total: cell}; a cell: {share, less, href, text}. `less`: less is better.
 * `labels`: the days. `told(text)` is called with what the cell under pointer or keyboard says.
 */
export function heatmap({ labels, rows, corner, chosen, told }) {
  const head = h("tr", {}, h("th", { scope: "col" }, corner),
    labels.map((day) => h("th", { scope: "col", class: `num ${weekend(day)} ${day === chosen ? "chosen" : ""}`, title: day }, String(Number(day.slice(8))))),
    h("th", { scope: "col", class: "num" }, t("quality.month")));
  const table = h("table", { class: "heat" }, h("thead", {}, head), h("tbody", {}, rows.map((row, y) => line(row, y, labels))));
  const tell = ({ target }) => target.closest("td")?.dataset.text && told(target.closest("td").dataset.text);
  table.addEventListener("pointerover", tell);
  table.addEventListener("focusin", tell);
  table.addEventListener("keydown", (event) => walk(table, event));
  const scroll = h("div", { class: "heat-scroll" }, table);
  requestAnimationFrame(() => reveal(scroll, head.querySelector(".chosen") ?? head.children[1 + rows[0].days.findLastIndex(({ share }) => share !== null)]));
  return scroll;
}

/** Bring a day into sight where not all of them fit. */
function reveal(scroll, heading) {
  scroll.scrollLeft = heading.offsetLeft - scroll.clientWidth * 0.7;
}

function line(row, y, labels) {
  return h("tr", { dataset: { key: row.key } },
    h("th", { scope: "row" }, row.href ? h("a", { href: row.href }, row.name) : row.name),
    row.days.map((cell, x) => square(cell, { y, x, day: labels[x] })),
    square(row.total, { y, x: labels.length, day: "" }));
}

function square(cell, { y, x, day }) {
  const worth = cell.share !== null && cell.less ? 1 - cell.share : cell.share;
  const reach = { dataset: { at: `${y}:${x}`, focus: `heat:${y}:${x}` }, tabindex: y + x === 0 ? 0 : -1, "aria-label": cell.text };
  const inner = cell.href ? h("a", { href: cell.href, ...reach }, whole(cell)) : h("span", reach, whole(cell));
  return h("td", { class: `${step(worth)} ${day ? "" : "total"}`, dataset: { day, text: cell.text, share: percent(cell.share) } }, inner);
}

/** The arrow keys go from cell to cell; one cell at a time is in the order of Tab. */
function walk(table, event) {
  const way = ARROWS[event.key];
  const from = event.target.dataset.at;
  if (!way || !from) return;
  const [y, x] = from.split(":").map((place, i) => Number(place) + way[i]);
  const next = table.querySelector(`[data-at="${y}:${x}"]`);
  if (!next) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function weekend(day) {
  return [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay()) ? "weekend" : "";
}

/** What the colours mean. `less`: less is better. */
export function heatLegend(less) {
  return h("ul", { class: "plain kinds" }, ["good", "fair", "poor", "bad", "none"].map((name) =>
    h("li", {}, h("i", { class: `heat-swatch ${name}`, "aria-hidden": "true" }), t(less && name !== "none" ? `quality.less.${name}` : `quality.${name}`))));
}
