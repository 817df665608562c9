// The gap ledger: what is missing, why, whose it is and until when; how each can be filled, and what was done about it.

import { all, get, session } from "../api.js";
import { every, fill, h } from "../dom.js";
import { NOTHING, lasting, number, when } from "../format.js";
import { gapButtons } from "../gapactions.js";
import { inLanguage, quantityName, t, tOr } from "../i18n.js";
import { Table, badge, card, into, segments, select } from "../parts.js";

const STATES = ["open", "backfilling", "estimated", "accepted", "closed", "all"];
const CAUSES = ["silent", "refused", "rejected", "gateway", "collector", "stream", "planned"];
const OWNERS = ["enterprise", "centre"];
const BADGES = { open: "warning", backfilling: "info", estimated: "ok", accepted: "ok", closed: "ok" };
const DEFAULTS = { state: "open", cause: "", owner: "", enterprise: "", overdue: "", assignee: "", metering_point: "" };
const REFRESH_MS = 60_000;
const PAGE = 100;

export default function gaps(place, _, query, signal) {
  document.title = `${t("nav.gaps")} · ${t("app.name")}`;
  const filters = Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) => [name, query.get(name) ?? value]));
  const [bar, list, more] = [h("div", { class: "filters narrow" }), h("div"), h("div")];
  const opened = new Set(); // stay open while the list is refreshed
  let [enterprises, items, next] = [[], [], null];
  const table = gapTable(opened, () => load(), signal);
  const asked = () => ({ ...filters, state: filters.state === "all" ? "" : filters.state, group: "together" });
  const show = () => {
    fill(more, next && h("button", { class: "button more", type: "button", onclick: older }, t("gaps.older")));
    return table.update(items);
  };
  const load = () => into(list, async () => {
    const before = JSON.stringify(filters);
    const answer = await get("/v1/gaps", { ...asked(), limit: Math.min(500, Math.max(PAGE, items.length)) }, signal);
    if (before !== JSON.stringify(filters)) return undefined;
    ({ items, next } = answer);
    return show();
  }, signal);
  const older = () => into(list, async () => {
    const answer = await get("/v1/gaps", { ...asked(), limit: PAGE, after: next }, signal);
    items.push(...answer.items);
    next = answer.next;
    return show();
  }, signal);
  const choose = (change) => {
    Object.assign(filters, change);
    const set = Object.entries(filters).filter(([name, value]) => value !== DEFAULTS[name]);
    history.replaceState(null, "", `#/gaps${set.length ? `?${new URLSearchParams(set)}` : ""}`);
    items = [];
    fill(list);
    draw();
    load();
  };
  const draw = () => fill(bar, choices(filters, enterprises, choose));
  fill(place, h("div", { class: "head" }, h("h1", {}, t("nav.gaps")), h("p", { class: "muted" }, t("gaps.hint"))), bar, card(t("gaps.list"), [list, more]));
  draw();
  load();
  every(REFRESH_MS, load, signal);
  all("/v1/enterprises", {}, signal).then((found) => {
    enterprises = found;
    draw();
  }, () => {}); // the list itself shows what is wrong
}

function choices(filters, enterprises, choose) {
  const any = ["", t("alerts.any")];
  return [
    segments(t("word.state"), STATES.map((state) => [state, t(state === "all" ? "alerts.any" : `gap.${state}`)]), filters.state, (state) => choose({ state })),
    select(t("word.cause"), [any, ...CAUSES.map((each) => [each, t(`cause.${each}`)])], filters.cause, (cause) => choose({ cause })),
    select(t("gaps.owner"), [any, ...OWNERS.map((each) => [each, t(`gapowner.${each}`)])], filters.owner, (owner) => choose({ owner })),
    enterprises.length > 1 && select(t("word.enterprise"), [any, ...enterprises.map((each) => [each.uscc, each.name])], filters.enterprise, (enterprise) => choose({ enterprise })),
    select(t("gaps.due"), [any, ["true", t("gaps.overdue")]], filters.overdue, (overdue) => choose({ overdue })),
    select(t("gaps.assigned"), [any, [session.who.name, t("gaps.mine")]], filters.assignee, (assignee) => choose({ assignee })),
  ].filter(Boolean);
}

function gapTable(opened, acted, signal) {
  return new Table([
    { key: "where", label: t("word.point"), class: "main-cell wide", cell: (row) => [where(row), more(row, opened, acted, signal)] },
    { key: "from", label: t("word.from"), class: "nowrap", value: (row) => Date.parse(row.from), cell: (row) => h("span", {}, when(row.from, row.zone), h("span", { class: "muted under" }, row.to ? when(row.to, row.zone) : t("gaps.lasting"))) },
    { key: "length", label: t("word.duration"), class: "nowrap", value: (row) => (row.to ? Date.parse(row.to) : Date.now()) - Date.parse(row.from), cell: (row) => lasting(row.from, row.to) },
    { key: "missing", label: t("point.missing"), class: "num", value: (row) => row.missing, cell: (row) => number(row.missing) },
    { key: "cause", label: t("word.cause"), value: (row) => row.cause, cell: (row) => h("span", {}, t(`cause.${row.cause}`), h("span", { class: "muted under" }, t(`gapowner.${row.owner}`))) },
    { key: "state", label: t("word.state"), value: (row) => STATES.indexOf(row.state), cell: stateCell },
    { key: "due", label: t("gaps.due"), class: "nowrap", value: (row) => Date.parse(row.due), cell: dueCell },
  ], { sort: "from", down: true, key: (row) => String(row.id), none: t("gaps.none") });
}

function where(row) {
  if (row.gaps > 1) return h("span", {}, h("b", {}, t("gaps.together", { n: row.metering_points })), h("span", { class: "muted under" }, evidence(row)));
  return h("span", {},
    h("a", { href: `#/metering-points/${row.uscc}/${encodeURIComponent(row.metering_point)}`, dataset: { focus: `gap:${row.id}` } }, `${row.metering_point} ${row.name}`),
    h("span", { class: "muted under" }, row.enterprise));
}

function stateCell(row) {
  const closed = row.closed_by && t(`closedby.${row.closed_by}`);
  return h("span", {}, badge(BADGES[row.state], t(`gap.${row.state}`)), closed && h("span", { class: "muted under" }, closed), row.assignee && h("span", { class: "muted under" }, t("alerts.for", { name: row.assignee })));
}

function dueCell(row) {
  if (!["open", "backfilling"].includes(row.state)) return NOTHING;
  return row.overdue ? badge("critical", t("gaps.overdue")) : when(Date.parse(row.due) - 1, row.zone).slice(0, 10); // the last day on which it is in time
}

/** In words what the cause rests on. */
function evidence(row) {
  const known = row.evidence;
  const about = { ...known, at: known.at || t("gaps.nosite"), since: known.since && when(known.since, row.zone), reasons: known.reasons?.join("; ") };
  return Object.keys(known).length ? t(`because.${row.cause}`, about) : "";
}

/** What can be done about it and what was, asked for when opened; of several together: each of them. */
function more(row, opened, acted, signal) {
  const place = h("div");
  const toggle = (event) => {
    if (event.target !== event.currentTarget) return;
    if (!event.currentTarget.open) return opened.delete(row.id);
    opened.add(row.id);
    into(place, () => (row.gaps > 1 ? members(row, acted, signal) : whole(row, acted, signal)), signal);
  };
  return h("details", { class: "why", ontoggle: toggle, open: opened.has(row.id) }, h("summary", {}, t(row.gaps > 1 ? "gaps.each" : "gaps.plan")), place);
}

async function members(row, acted, signal) {
  const found = await all("/v1/gaps", { group: row.group }, signal, 1000);
  return gapTable(new Set(), acted, signal).update(found);
}

async function whole(row, acted, signal) {
  const gap = await get(`/v1/gaps/${row.id}`, {}, signal);
  const why = evidence(gap);
  return h("div", { class: "gap" },
    h("p", {}, t("gaps.quantities"), t("word.colon"), gap.quantities.map(quantityName).join(t("word.comma")), why && h("span", { class: "under" }, t("word.cause"), t("word.colon"), why)),
    gap.plan.length > 0 && h("ol", { class: "plan" }, gap.plan.map((step) => planned(gap, step, acted))),
    h("div", { class: "acts" }, gapButtons(gap, acted)),
    h("ol", { class: "plain" }, gap.events.map((event) =>
      h("li", {}, h("span", { class: "muted" }, when(event.at, gap.zone), " "), tOr(`action.${event.action}`, event.action), ` · ${event.actor}`, event.note && h("q", {}, event.note)))));
}

function planned(gap, step, acted) {
  return h("li", { class: step.possible ? undefined : "muted", dataset: { step: step.step } },
    h("b", {}, t(`plan.${step.step}`), step.possible ? null : ` (${t("plan.not")})`), h("span", { class: "under" }, inLanguage(step)),
    step.file && h("pre", {}, step.file), step.command && h("pre", {}, step.command),
    h("div", { class: "acts" }, gapButtons(gap, acted, step.step)));
}
