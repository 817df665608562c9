// One metering point: its consumption and how good it is, its power, registers, meter, gaps and alerts.

import { all, get, pointPath } from "../api.js";
import { atMostEvery, every, fill, h } from "../dom.js";
import { age, exact, lasting, number, unitText, when } from "../format.js";
import { carrierName, inLanguage, t } from "../i18n.js";
import { live } from "../live.js";
import { Table, badge, card, into, onlineBadge, severityBadge } from "../parts.js";
import { consumption } from "./consumption.js";
import { corrections } from "./corrections.js";
import { flow } from "./flow.js";

const REFRESH_MS = 60_000;

export default function point(place, [uscc, code], query, signal) {
  const head = h("div", { class: "head" });
  fill(place, head);
  into(head, async () => {
    const [item, owner] = await Promise.all([get(pointPath(uscc, code), {}, signal), get(`/v1/enterprises/${encodeURIComponent(uscc)}`, {}, signal)]);
    document.title = `${item.name} · ${t("app.name")}`;
    (item.virtual ? buildVirtual : build)(place, { ...item, zone: owner.zone }, query, signal);
    return heading(item, owner);
  }, signal);
}

function heading(item, owner) {
  return [
    h("nav", { class: "crumbs", "aria-label": t("nav.crumbs") }, h("a", { href: "#/" }, t("nav.overview")), " / ", h("a", { href: `#/enterprises/${owner.uscc}` }, owner.name)),
    h("h1", {}, item.name, " ", h("span", { class: "code" }, item.code)),
    h("div", { class: "facts" }, onlineBadge(item.online), h("span", {}, carrierName(item.carrier)), h("span", {}, t("word.leveln", { n: item.level })), h("span", {}, t(`direction.${item.direction}`)),
      item.boundary ? h("span", { class: "tag" }, t("word.boundary")) : null,
      item.virtual ? h("span", {}, h("span", { class: "tag" }, t("word.virtual")), " ", formula(item)) : null,
      item.meter ? h("span", {}, h("span", { class: "muted" }, `${t("word.meter")} `), item.meter) : null,
      h("span", {}, h("span", { class: "muted" }, `${t("word.zone")} `), owner.zone)),
  ];
}

/** `E-1 − E-2 + 0.4 E-3`, each part a link. */
function formula(item) {
  return Object.entries(item.formula).flatMap(([code, share], i) => {
    const sign = share < 0 ? "− " : i ? "+ " : "";
    const size = Math.abs(share) === 1 ? "" : `${Math.abs(share)} `;
    return [`${i ? " " : ""}${sign}${size}`, h("a", { href: `#/metering-points/${item.uscc}/${encodeURIComponent(code)}` }, code)];
  });
}

/** A virtual metering point has consumption and nothing else of its own. */
function buildVirtual(place, item, query, signal) {
  const used = consumption(item, query, () => {}, signal);
  place.append(used.element);
  live.on("resumed", used.refresh, signal);
  every(REFRESH_MS, used.refresh, signal);
}

function build(place, item, query, signal) {
  const line = flow(item, signal);
  const show = (asked) => line.show(asked);
  const used = consumption(item, query, show, signal);
  const registers = registerTable(item);
  const gaps = h("div");
  const alerts = h("div");
  const corrected = corrections(item, used.refresh, signal);
  place.append(used.element, line.element,
    h("div", { class: "columns even" }, card(t("point.registers"), registers.element),
      h("div", { class: "side" }, card(t("point.installations"), installations(item)), card(t("point.gaps"), gaps), card(t("point.alerts"), alerts))), corrected.element);

  const loadGaps = () => into(gaps, async () => gapTable(await all("/v1/gaps", { enterprise: item.uscc, metering_point: item.code }, signal), item.zone), signal);
  const loadAlerts = () => into(alerts, async () => alertTable(mine(item, (await get("/v1/alerts", { enterprise: item.uscc, state: "all", limit: 500 }, signal)).items), item.zone), signal);
  const rest = () => Promise.all([used.refresh(), loadGaps(), loadAlerts(), corrected.refresh()]);
  const soon = atMostEvery(REFRESH_MS, rest, signal);
  live.on("readings", (event) => {
    const news = event.uscc === item.uscc ? event.items.filter((each) => each.metering_point === item.code) : [];
    if (!news.length) return;
    registers.take(news);
    line.take(news);
    soon();
  }, signal);
  live.on("alert", (alert) => alert.uscc === item.uscc && loadAlerts(), signal);
  live.on("resumed", rest, signal);
  every(REFRESH_MS, rest, signal);
  loadGaps();
  loadAlerts();
}

const mine = (item, rows) => rows.filter((row) => row.metering_point === item.code || row.metering_point === item.id);

/** The newest reading of each point of the metering point; `take` brings news in. */
function registerTable(item) {
  const rows = item.points.map((each) => ({ ...each }));
  const table = new Table([
    { key: "quantity", label: t("word.quantity"), class: "main-cell", cell: (row) => h("span", {}, inLanguage(row), row.kind === "register" ? h("span", { class: "tag" }, t("word.register")) : null) },
    { key: "value", label: t("point.reading"), class: "num", cell: (row) => h("span", { dataset: { quantity: row.quantity } }, exact(row.last_value), " ", h("span", { class: "muted" }, unitText(row.unit))) },
    { key: "multiplier", label: t("point.multiplier"), class: "num", cell: (row) => (row.multiplier === 1 ? "1" : `× ${number(row.multiplier)}`) },
    { key: "primary", label: t("point.primary"), class: "num", cell: (row) => (row.last_value === null ? "–" : `${number(row.last_value * row.multiplier)} ${unitText(row.unit)}`) },
    { key: "time", label: t("word.time"), cell: (row) => h("span", { class: "nowrap" }, when(row.last_time, item.zone), h("span", { class: "muted under" }, age(row.last_time))) },
  ], { key: (row) => row.quantity, none: t("point.nopoints") });
  table.update(rows);
  const take = (news) => {
    for (const each of news) {
      const row = rows.find(({ quantity }) => quantity === each.quantity);
      if (row && (!row.last_time || Date.parse(each.time) > Date.parse(row.last_time))) Object.assign(row, { last_time: each.time, last_value: each.value, multiplier: each.multiplier });
    }
    table.update(rows);
  };
  return { element: table.element, take };
}

function installations(item) {
  return new Table([
    { key: "meter", label: t("word.meter"), class: "main-cell", cell: (row) => row.meter },
    { key: "ct", label: "CT", class: "num", cell: (row) => number(row.ct) },
    { key: "pt", label: "PT", class: "num", cell: (row) => number(row.pt) },
    { key: "from", label: t("word.from"), cell: (row) => when(row.from, item.zone) },
    { key: "to", label: t("word.to"), cell: (row) => (row.to ? when(row.to, item.zone) : t("point.stillin")) },
  ], { none: t("point.noinstallations") }).update(item.installations);
}

function gapTable(rows, zone) {
  return new Table([
    { key: "from", label: t("word.from"), value: (row) => row.from, class: "main-cell", cell: (row) => when(row.from, zone) },
    { key: "length", label: t("word.duration"), cell: (row) => lasting(row.from, row.to) },
    { key: "quantities", label: t("point.quantities"), class: "num", cell: (row) => number(row.quantities.length) },
    { key: "missing", label: t("point.missing"), class: "num", cell: (row) => number(row.missing) },
    { key: "cause", label: t("word.cause"), cell: (row) => t(`cause.${row.cause}`) },
    { key: "state", label: t("word.state"), cell: (row) => badge(row.state === "open" ? "warning" : "ok", t(`gap.${row.state}`)) },
  ], { sort: "from", down: true, shown: 8, none: t("point.nogaps") }).update(rows);
}

function alertTable(rows, zone) {
  return new Table([
    { key: "what", label: t("word.alert"), class: "main-cell", cell: (row) => h("span", {}, severityBadge(row.severity), h("a", { class: "under", href: `#/alerts/${row.id}` }, inLanguage(row))) },
    { key: "onset", label: t("alerts.onset"), value: (row) => row.onset, cell: (row) => when(row.onset, zone) },
    { key: "state", label: t("word.state"), cell: (row) => t(`alert.${row.state}`) },
  ], { sort: "onset", down: true, shown: 8, none: t("alerts.none") }).update(rows);
}
