// Alerts: the list, its filters, what each is based on, and what can be done with it.

import { actionButton, furtherButtons } from "../alertactions.js";
import { all, get, session } from "../api.js";
import { atMostEvery, every, fill, h } from "../dom.js";
import { NOTHING, lasting, number, when, withUnit } from "../format.js";
import { inLanguage, quantityName, t, tOr } from "../i18n.js";
import { live } from "../live.js";
import { Table, card, into, ruleName, segments, select, severityBadge } from "../parts.js";

const STATES = ["live", "open", "acknowledged", "resolved", "dismissed", "suppressed", "all"];
const STAFF = ["admin", "operator"];
const SEVERITIES = ["critical", "warning", "info"];
const SORTS = { newest: "onset", materiality: "worth" };
const REFRESH_MS = 60_000;
const PAGE = 200;

export default function alerts(place, _, query, signal) {
  document.title = `${t("nav.alerts")} · ${t("app.name")}`;
  const filters = { state: query.get("state") ?? "live", severity: query.get("severity") ?? "", enterprise: query.get("enterprise") ?? "", rule: query.get("rule") ?? "", sort: query.get("sort") in SORTS ? query.get("sort") : "newest" };
  const bar = h("div", { class: "filters" });
  const list = h("div");
  const more = h("div");
  const zones = new Map();
  let enterprises = [];
  let items = [];
  let next = null;

  const table = alertTable({ sort: SORTS[filters.sort], zoneOf: (row) => row.zone ?? zones.get(row.uscc) ?? "Asia/Shanghai", acted: () => load(), signal });
  const ask = (after, limit) => get("/v1/alerts", { ...filters, limit, after }, signal);
  const shown = () => table.update(items);
  const foot = () => fill(more, next && h("button", { class: "button more", type: "button", onclick: older }, t("alerts.older")));
  const load = () => into(list, async () => {
    const before = JSON.stringify(filters);
    const answer = await ask(undefined, Math.min(500, Math.max(PAGE, items.length)));
    if (before !== JSON.stringify(filters)) return undefined;
    ({ items, next } = answer);
    foot();
    fill(bar, choices(filters, enterprises, items, choose));
    return shown();
  }, signal);
  const older = () => into(list, async () => {
    const answer = await ask(next, PAGE);
    items.push(...answer.items);
    next = answer.next;
    foot();
    return shown();
  }, signal);
  const choose = (change) => {
    Object.assign(filters, change);
    history.replaceState(null, "", `#/alerts?${new URLSearchParams(Object.entries(filters).filter(([, value]) => value))}`);
    items = [];
    Object.assign(table, { sort: SORTS[filters.sort], down: true });
    fill(bar, choices(filters, enterprises, items, choose));
    fill(list);
    load();
  };

  fill(place, h("div", { class: "head" }, h("h1", {}, t("nav.alerts")), STAFF.includes(session.who.role) && h("a", { href: "#/notices" }, t("notices.title"))), bar, card(t("alerts.list"), [list, more]));
  fill(bar, choices(filters, enterprises, items, choose));
  load();
  all("/v1/enterprises", {}, signal).then((found) => {
    enterprises = found;
    for (const each of found) zones.set(each.uscc, each.zone);
    fill(bar, choices(filters, enterprises, items, choose));
    if (items.length) shown();
  }, () => {}); // the list itself shows what is wrong
  const soon = atMostEvery(1000, load, signal);
  live.on("alert", soon, signal);
  live.on("resumed", soon, signal);
  every(REFRESH_MS, load, signal);
}

function choices(filters, enterprises, items, choose) {
  const any = ["", t("alerts.any")];
  const rules = [...new Set([filters.rule, ...items.map((item) => item.rule)])].filter(Boolean).sort();
  return [
    segments(t("word.state"), STATES.map((state) => [state, t(`alert.${state}`)]), filters.state, (state) => choose({ state })),
    select(t("alerts.severity"), [any, ...SEVERITIES.map((each) => [each, t(`severity.${each}`)])], filters.severity, (severity) => choose({ severity })),
    select(t("alerts.rule"), [any, ...rules.map((rule) => [rule, ruleName(rule)])], filters.rule, (rule) => choose({ rule })),
    select(t("word.enterprise"), [any, ...enterprises.map((each) => [each.uscc, each.name])], filters.enterprise, (enterprise) => choose({ enterprise })),
    select(t("alerts.sort"), Object.keys(SORTS).map((sort) => [sort, t(`sort.${sort}`)]), filters.sort, (sort) => choose({ sort })),
  ];
}

function alertTable({ sort, zoneOf, acted, signal }) {
  const opened = new Set(); // stay open while the list is refreshed
  return new Table([
    { key: "severity", label: t("alerts.severity"), value: (row) => SEVERITIES.indexOf(row.severity), class: "nowrap", cell: (row) => h("span", {}, severityBadge(row.severity), h("span", { class: "muted under" }, ruleName(row.rule))) },
    { key: "what", label: t("word.alert"), class: "main-cell wide", cell: (row) => [sentence(row), more(row, zoneOf(row), opened, acted, signal)] },
    { key: "enterprise", label: t("word.enterprise"), class: "named", value: (row) => row.enterprise, cell: (row) => h("a", { href: `#/enterprises/${row.uscc}` }, row.enterprise) },
    { key: "onset", label: t("alerts.onset"), value: (row) => row.onset, class: "nowrap", cell: (row) => when(row.onset, zoneOf(row)) },
    { key: "duration", label: t("word.duration"), class: "nowrap", value: (row) => (row.ended ? Date.parse(row.ended) : Date.now()) - Date.parse(row.onset), cell: (row) => lasting(row.onset, row.ended) },
    { key: "worth", label: t("alerts.worth"), class: "num", value: (row) => row.money ?? row.amount ?? 0, cell: worthCell },
    { key: "state", label: t("word.state"), value: (row) => row.state, cell: (row) => stateCell(row, acted) },
  ], { sort, down: true, key: (row) => String(row.id), none: t("alerts.nonefound") });
}

function sentence(row) {
  if (!row.metering_point) return h("span", {}, inLanguage(row));
  return h("a", { href: `#/metering-points/${row.uscc}/${encodeURIComponent(row.metering_point)}`, dataset: { focus: `alert:${row.id}` } }, inLanguage(row));
}

function worthCell(row) {
  if (row.money === null && row.amount === null) return h("span", { class: "muted" }, NOTHING);
  return h("span", {}, row.money === null ? withUnit(row.amount, row.unit) : `¥ ${number(row.money)}`, row.money !== null && row.amount !== null && h("span", { class: "muted under" }, withUnit(row.amount, row.unit)));
}

function stateCell(row, acted) {
  return h("span", {},
    actionButton(row, "acknowledge", acted) ?? h("span", { class: "alert-state" }, t(`alert.${row.state}`)),
    row.assignee && h("span", { class: "muted under" }, t("alerts.for", { name: row.assignee })),
    row.reopened > 0 && h("span", { class: "muted under" }, t("alerts.reopened", { n: row.reopened })));
}

/** Evidence and history, asked for when opened. */
function more(row, zone, opened, acted, signal) {
  const place = h("div");
  const toggle = (event) => {
    if (!event.currentTarget.open) return opened.delete(row.id);
    opened.add(row.id);
    into(place, async () => past(await get(`/v1/alerts/${row.id}`, {}, signal), zone, acted), signal);
  };
  return h("details", { class: "why", ontoggle: toggle, open: opened.has(row.id) }, h("summary", {}, t("alerts.why")), place);
}

function past(alert, zone, acted) {
  return h("div", {},
    furtherButtons(alert, acted),
    h("dl", {}, Object.entries(alert.evidence ?? {}).flatMap(([name, value]) => [h("dt", {}, tOr(`evidence.${name}`, name)), h("dd", {}, evidenceText(value, zone))])),
    h("ol", { class: "plain" }, (alert.events ?? []).map((event) =>
      h("li", {}, h("span", { class: "muted" }, when(event.at, zone), " "), tOr(`action.${event.action}`, event.action), event.actor ? ` · ${event.actor}` : "", event.note ? h("q", {}, event.note) : null))));
}

const INSTANT = /^\d{4}-\d\d-\d\dT/;

function evidenceText(value, zone) {
  if (Array.isArray(value)) return value.map(quantityName).join(t("word.comma"));
  if (value === null || value === "") return NOTHING;
  if (typeof value === "object") return JSON.stringify(value);
  return INSTANT.test(value) ? when(value, zone) : String(value);
}
