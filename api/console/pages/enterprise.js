// One enterprise: what it consumed by carrier, its energy balance, and its metering points as a tree.

import { all, get } from "../api.js";
import { atMostEvery, every, fill, h } from "../dom.js";
import { NOTHING, age, number, withUnit } from "../format.js";
import { carrierName, industryName, quantityName, quantityUnit, t } from "../i18n.js";
import { bars, chart, colourOf } from "../charts.js";
import { live } from "../live.js";
import { alertCount, card, completenessBar, empty, into, onlineBadge, segments } from "../parts.js";
import { ends, kinds, summary } from "../series.js";
import { DAY, bounds, iso } from "../time.js";
import { balance } from "./balance.js";

const PERIODS = ["today", "7d", "30d", "month", "12mo"];
const REFRESH_MS = 60_000;
const GRACE_MS = 120_000;

/** Few enough buckets for a small chart. */
const coarse = ({ from, to }) => (to - from <= 1.5 * DAY ? "1h" : to - from <= 93 * DAY ? "1d" : "1mo");

export default function enterprise(place, [uscc], query, signal) {
  const head = h("div", { class: "head" });
  fill(place, head);
  into(head, async () => {
    const item = await get(`/v1/enterprises/${encodeURIComponent(uscc)}`, {}, signal);
    document.title = `${item.name} · ${t("app.name")}`;
    place.append(consumption(item, query.get("range") ?? "7d", signal), balance(item, signal), points(item, signal));
    return heading(item);
  }, signal);
}

function heading(item) {
  const fact = (label, value) => value && h("span", {}, h("span", { class: "muted" }, `${label} `), value);
  return [
    h("nav", { class: "crumbs", "aria-label": t("nav.crumbs") }, h("a", { href: "#/" }, t("nav.overview"))),
    h("h1", {}, item.name),
    h("div", { class: "facts" }, fact(t("word.uscc"), item.uscc), fact(t("word.industry"), item.industry && `${industryName(item.industry)} ${item.industry}`), fact(t("word.region"), item.region), fact(t("word.points"), number(item.metering_points)), fact(t("overview.completeness"), completenessBar(item.completeness_today)),
      h("a", { href: `#/alerts?enterprise=${item.uscc}` }, t("enterprise.alerts", { n: item.open_alerts })),
      h("a", { href: `#/quality?enterprise=${item.uscc}` }, t("quality.title")),
      h("a", { href: `#/instruments?enterprise=${item.uscc}` }, t("nav.instruments")),
      h("a", { href: `#/reviews?enterprise=${item.uscc}` }, t("nav.reviews"))),
  ];
}

function consumption(item, first, signal) {
  const box = h("div");
  const tools = h("div");
  let chosen = PERIODS.includes(first) ? first : "7d";
  let shown = new AbortController();
  signal.addEventListener("abort", () => shown.abort());
  const load = () => {
    shown.abort();
    shown = new AbortController();
    const mine = shown.signal;
    return into(box, async () => {
      const asked = bounds(chosen, item.zone);
      const answer = await get(`/v1/enterprises/${item.uscc}/consumption`, { group_by: "carrier", interval: coarse(asked), from: iso(asked.from, item.zone), to: iso(asked.to, item.zone) }, mine);
      return answer.series.length ? h("div", { class: "carriers" }, answer.series.map((series) => carrierCard(answer, series, asked, mine))) : empty(t("enterprise.noconsumption"), t("enterprise.noconsumptionhint"));
    }, mine);
  };
  const choose = (period) => {
    chosen = period;
    history.replaceState(null, "", `#/enterprises/${item.uscc}?range=${period}`);
    draw();
  };
  const draw = () => {
    fill(tools, segments(t("word.period"), PERIODS.map((name) => [name, t(`range.${name}`)]), chosen, choose));
    load();
  };
  draw();
  every(REFRESH_MS, load, signal);
  return card(t("enterprise.consumption"), box, tools);
}

function carrierCard(answer, row, asked, signal) {
  const series = { ...row, start: answer.start, interval: answer.interval };
  const due = Date.now() - GRACE_MS;
  const end = ends(series, asked.to);
  const kind = kinds(series, end, due);
  const sum = summary(series, kind, end, due);
  const name = carrierName(row.carrier);
  const canvas = h("div", { class: "chart small" });
  const colour = colourOf(row.carrier);
  requestAnimationFrame(() => {
    if (signal.aborted) return;
    const made = chart(canvas, signal);
    made.setOption(bars(series, kind, { colour, width: made.getWidth(), small: true, label: `${name}: ${withUnit(sum.value, row.unit)}` }));
  });
  return h("article", { class: "carrier", dataset: { carrier: row.carrier } },
    h("h3", {}, name), h("div", { class: "carrier-total" }, withUnit(sum.value, row.unit)), completenessBar(sum.completeness), canvas);
}

function points(item, signal) {
  const box = h("div");
  let items = [];
  let words = "";
  const search = h("input", { type: "search", placeholder: t("enterprise.search"), "aria-label": t("enterprise.search") });
  const show = () => fill(box, tree(items, words));
  search.addEventListener("input", () => {
    words = search.value.trim().toLowerCase();
    show();
  });
  const load = () => into(box, async () => {
    items = await all("/v1/metering-points", { enterprise: item.uscc }, signal);
    return tree(items, words);
  }, signal);
  const known = () => new Map(items.map((each) => [each.code, each]));
  const draw = atMostEvery(1000, show, signal);
  live.on("readings", (event) => {
    if (event.uscc !== item.uscc) return;
    const table = known();
    for (const reading of event.items) {
      const row = table.get(reading.metering_point);
      if (row && (!row.last || (row.last.quantity === reading.quantity && row.last.time < reading.time))) Object.assign(row, { last: reading, online: true });
    }
    draw();
  }, signal);
  live.on("alert", atMostEvery(2000, load, signal), signal);
  live.on("resumed", load, signal);
  every(REFRESH_MS, load, signal);
  load();
  return card(t("enterprise.points"), box, search);
}

/** Rows in the order of the tree, each with its depth; a point whose parent is not in the list stands at the top. */
function inTree(items) {
  const codes = new Set(items.map((item) => item.code));
  const children = new Map([[null, []], ...items.map((item) => [item.code, []])]);
  for (const item of items) children.get(codes.has(item.parent) ? item.parent : null).push(item);
  const rows = [];
  const walk = (code, depth) => {
    for (const item of children.get(code)) {
      rows.push([item, depth]);
      walk(item.code, depth + 1);
    }
  };
  walk(null, 0);
  return rows;
}

function tree(items, words) {
  const found = items.filter((item) => `${item.code} ${item.name} ${carrierName(item.carrier)} ${item.meter}`.toLowerCase().includes(words));
  if (!found.length) return empty(t(items.length ? "enterprise.nomatch" : "enterprise.nopoints"));
  const heading = ["word.point", "word.carrier", "word.level", "word.direction", "word.last", "word.state", "overview.alerts"].map((key) => t(key));
  return h("div", { class: "table" }, h("table", { class: "tree" },
    h("thead", {}, h("tr", {}, heading.map((text, i) => h("th", { scope: "col", class: i === 4 || i === 6 ? "num" : undefined }, text)))),
    h("tbody", {}, inTree(found).map(([item, depth]) => treeRow(item, depth, heading)))));
}

function treeRow(item, depth, heading) {
  const href = `#/metering-points/${item.uscc}/${encodeURIComponent(item.code)}`;
  const last = item.last;
  const value = last ? [h("b", {}, withUnit(last.value * last.multiplier, quantityUnit(last.quantity))), h("span", { class: "muted under" }, quantityName(last.quantity), " · ", age(last.time))] : h("span", { class: "muted" }, item.virtual ? NOTHING : t("enterprise.never"));
  const cell = (i, content, css) => h("td", { "data-label": heading[i], class: css }, content);
  return h("tr", { dataset: { key: item.code } },
    cell(0, h("span", { class: `branch depth-${Math.min(depth, 6)}` }, h("a", { href, dataset: { focus: item.code } }, item.name), h("span", { class: "muted under" }, item.code, item.meter ? ` · ${item.meter}` : "")), "main-cell"),
    cell(1, h("span", {}, swatch(item.carrier), carrierName(item.carrier))),
    cell(2, t("word.leveln", { n: item.level })),
    cell(3, h("span", {}, t(`direction.${item.direction}`), item.boundary ? h("span", { class: "tag" }, t("word.boundary")) : null, item.virtual ? h("span", { class: "tag" }, t("word.virtual")) : null)),
    cell(4, h("span", {}, value), "num"),
    cell(5, onlineBadge(item.online)),
    cell(6, alertCount(item.open_alerts, href), "num"));
}

function swatch(carrier) {
  const dot = h("i", { class: "carrier-dot", "aria-hidden": "true" });
  dot.style.background = colourOf(carrier);
  return dot;
}
