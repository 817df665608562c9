// Overview: how the whole stands, the enterprises, and what comes in right now.

import { get } from "../api.js";
import { atMostEvery, every, fill, h } from "../dom.js";
import { duration, number, percent, withUnit } from "../format.js";
import { inLanguage, industryName, isFlow, quantityName, quantityUnit, t } from "../i18n.js";
import { live } from "../live.js";
import { Table, alertCount, card, completenessBar, empty, into, judge, severityBadge, tile } from "../parts.js";
import { local } from "../time.js";

const REFRESH_MS = 10_000;
const TICKER_ROWS = 10;
const ALERTS = 4;
const LATE_S = 120;
const TAKEN = 2; // readings shown of one event

export default function overview(place, _, query, signal) {
  document.title = `${t("nav.overview")} · ${t("app.name")}`;
  const tiles = h("div", { class: "tiles" });
  const table = enterpriseTable();
  const list = h("div");
  const newest = h("div");
  const ticker = new Ticker();
  fill(place, h("h1", { class: "sr" }, t("nav.overview")), tiles,
    h("div", { class: "columns" }, card(t("overview.enterprises"), list, h("a", { href: "#/quality" }, t("quality.title"))),
      h("div", { class: "side" }, card(t("overview.newest"), newest, h("a", { href: "#/alerts" }, t("overview.all"))), card(t("overview.readings"), ticker.element))));

  const refresh = () => into(tiles, async () => {
    const answer = await get("/v1/overview", {}, signal);
    ticker.know(answer.items);
    fill(list, table.update(answer.items));
    return tilesOf(answer);
  }, signal);
  const refreshAlerts = () => into(newest, async () => alertList((await get("/v1/alerts", { state: "live", limit: ALERTS }, signal)).items), signal);
  const soon = atMostEvery(REFRESH_MS, refresh, signal);
  const both = atMostEvery(1000, () => Promise.all([refresh(), refreshAlerts()]), signal);
  live.on("readings", (event) => {
    ticker.add(event);
    soon();
  }, signal);
  live.on("alert", both, signal);
  live.on("resumed", both, signal);
  every(3 * REFRESH_MS, both, signal);
  refresh();
  refreshAlerts();
}

function tilesOf(answer) {
  const backlog = answer.backlog && Object.values(answer.backlog).reduce((sum, each) => sum + each, 0);
  const industries = new Set(answer.items.map((each) => each.industry).filter(Boolean)).size;
  const lag = answer.ingest_lag_s;
  return [
    tile("enterprises", t("overview.enterprises"), number(answer.enterprises), t("overview.industries", { n: number(industries) })),
    tile("metering_points", t("word.points"), number(answer.metering_points), t("overview.meters", { n: number(answer.meters) })),
    tile("online_rate", t("overview.onlinerate"), percent(answer.online_rate), t("overview.online", { online: number(answer.online), offline: number(answer.offline) }), judge(answer.online_rate, 0.98, 0.9)),
    tile("completeness", t("overview.completeness"), percent(answer.completeness_today), t("overview.today"), judge(answer.completeness_today, 0.98, 0.9)),
    tile("open_alerts", t("overview.alerts"), number(answer.open_alerts), t("overview.alertsnote"), answer.open_alerts ? "warning" : "ok"),
    tile("ingest_lag", t("overview.lag"), lag === null ? "–" : lag < 60 ? t("time.s", { n: number(Math.round(lag * 10) / 10) }) : duration(lag * 1000), t("overview.backlog", { n: number(backlog) }), lag === null ? undefined : lag < LATE_S ? "ok" : "warning"),
  ];
}

function enterpriseTable() {
  return new Table([
    { key: "name", label: t("word.enterprise"), value: (row) => row.name, class: "main-cell", cell: (row) => h("a", { href: `#/enterprises/${row.uscc}`, dataset: { focus: row.uscc } }, row.name) },
    { key: "industry", label: t("word.industry"), value: (row) => industryName(row.industry), class: "industry", cell: (row) => industryName(row.industry) || "–" },
    { key: "points", label: t("word.points"), value: (row) => row.metering_points, class: "num desk", cell: (row) => number(row.metering_points) },
    { key: "online", label: t("overview.onlineof"), value: (row) => row.online / (row.online + row.offline || 1), class: "num half", cell: onlineCell },
    { key: "alerts", label: t("overview.alerts"), value: (row) => row.open_alerts, class: "num half", cell: (row) => alertCount(row.open_alerts, `#/alerts?enterprise=${row.uscc}`) },
    { key: "completeness", label: t("overview.completeness"), value: (row) => row.completeness_today, cell: (row) => completenessBar(row.completeness_today) },
  ], { sort: "alerts", down: true, key: (row) => row.uscc, none: t("overview.noenterprises") });
}

function onlineCell(row) {
  const text = `${number(row.online)} / ${number(row.online + row.offline)}`;
  return row.offline ? h("span", {}, text, " ", h("span", { class: "off-note" }, t("overview.off", { n: row.offline }))) : text;
}

function alertList(items) {
  if (!items.length) return empty(t("alerts.none"));
  return h("ul", { class: "plain alerts-short" }, items.map((item) =>
    h("li", {}, h("div", {}, severityBadge(item.severity), h("span", { class: "muted" }, local(item.onset, item.zone).slice(5, 16))), h("a", { href: `#/alerts/${item.id}` }, inLanguage(item)))));
}


/** The latest readings, newest first; of each event only a few, so that no enterprise floods the list. */
class Ticker {
  #enterprises = new Map();
  #rows = [];

  constructor() {
    this.element = h("ol", { class: "plain ticker", "aria-label": t("overview.readings") });
    this.element.append(h("li", { class: "muted" }, t("overview.waiting")));
  }

  know(enterprises) {
    this.#enterprises = new Map(enterprises.map((each) => [each.uscc, each]));
  }

  add({ uscc, items }) {
    const enterprise = this.#enterprises.get(uscc);
    if (!enterprise) return;
    this.#rows = [...chosen(items).map((item) => row(enterprise, item)), ...this.#rows].slice(0, TICKER_ROWS);
    fill(this.element, this.#rows);
  }
}

/** A few of many: power and flow rather than registers and voltages, and not always the same ones. */
function chosen(items) {
  const flows = items.filter((item) => isFlow(item.quantity));
  const from = flows.length ? flows : items;
  const first = Math.floor(Math.random() * from.length);
  return [...from.slice(first), ...from.slice(0, first)].slice(0, TAKEN);
}

function row(enterprise, item) {
  const href = `#/metering-points/${enterprise.uscc}/${encodeURIComponent(item.metering_point)}`;
  return h("li", { dataset: { point: `${enterprise.uscc}/${item.metering_point}` } },
    h("span", { class: "ticker-time" }, local(item.time, enterprise.zone).slice(11)),
    h("span", { class: "ticker-what" }, h("a", { href }, enterprise.name), h("span", { class: "muted" }, `${item.metering_point} · ${quantityName(item.quantity)}`)),
    h("span", { class: "ticker-value" }, withUnit(item.value * item.multiplier, quantityUnit(item.quantity))));
}
