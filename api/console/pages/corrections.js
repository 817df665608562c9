// What the register engine says of a metering point's readings, what people did to its data, and doing or undoing that.

import { get, pointPath, send, session } from "../api.js";
import { ask, labelled } from "../dialog.js";
import { fill, h } from "../dom.js";
import { exact, unitText, when } from "../format.js";
import { quantityName, quantityUnit, t, tOr } from "../i18n.js";
import { Table, badge, card, into } from "../parts.js";
import { editForm } from "./editform.js";
import { outcome } from "./outcome.js";

const STAFF = ["admin", "operator"];
const NEWEST = 100;
const ABOUT_NOTHING = ["gap", "estimate"]; // there are no readings to rule about
const SOON_MS = 1500;

/** `changed()` is called when the consumption may have become another. */
export function corrections(item, changed, signal) {
  const [verdicts, edits, place] = [h("div"), h("div"), h("div", { dataset: { panel: "edit" } })];
  const may = STAFF.includes(session.who?.role);
  const path = pointPath(item.uscc, item.code);
  const close = () => fill(place);
  const load = () => Promise.all([
    into(verdicts, async () => told.update((await get(`${path}/verdicts`, { limit: NEWEST }, signal)).items), signal),
    into(edits, async () => made.update((await get(`${path}/edits`, { limit: NEWEST }, signal)).items), signal),
  ]);
  const again = () => {
    load();
    changed();
  };
  const done = () => {
    close();
    again();
    const timer = setTimeout(again, SOON_MS); // ingest computes it within a second or so
    signal.addEventListener("abort", () => clearTimeout(timer));
  };
  const open = (verdict) => {
    const form = editForm(item, verdict, { done, close, signal });
    fill(place, form);
    form.scrollIntoView({ block: "nearest" });
  };
  const [told, made] = [verdictTable(item, may && open), editTable(item, may && ((row) => undo(row, done)), signal)];
  const begin = may && h("button", { class: "button", type: "button", dataset: { action: "edit" }, onclick: () => open() }, t("edits.make"));
  const element = card(t("edits.title"), [place, h("h3", {}, t("edits.verdicts")), verdicts, h("h3", { class: "apart" }, t("edits.made")), edits], begin);
  load();
  return { element, refresh: load };
}

const range = (row, zone) => h("span", { class: "nowrap" }, when(row.from, zone), row.to !== row.from && h("span", { class: "under" }, `– ${when(row.to, zone)}`));

function verdictTable(item, overrule) {
  return new Table([
    { key: "kind", label: t("edits.kind"), class: "main-cell", cell: (row) => h("span", {}, tOr(`verdict.${row.kind}`, row.kind), h("span", { class: "muted under" }, quantityName(row.quantity))) },
    { key: "from", label: t("edits.readings"), value: (row) => row.from, cell: (row) => range(row, item.zone) },
    { key: "detected", label: t("edits.detected"), class: "nowrap", value: (row) => row.detected_at, cell: (row) => when(row.detected_at, item.zone) },
    { key: "evidence", label: t("edits.evidence"), cell: (row) => evidence(row) },
    ...(overrule ? [{ key: "act", label: "", cell: (row) => !ABOUT_NOTHING.includes(row.kind) && h("button", { class: "button", type: "button", dataset: { focus: `overrule:${row.id}`, action: "overrule" }, onclick: () => overrule(row) }, t("edits.overrule")) }] : []),
  ], { sort: "from", down: true, shown: 10, key: (row) => String(row.id), none: t("edits.noverdicts") });
}

/** The figures of a verdict: numbers of the register, and of what was spread. */
function evidence({ evidence: found, quantity }) {
  const text = (value) => (typeof value === "number" ? exact(value) : Array.isArray(value) ? value.map(text).join(t("word.comma")) : String(value));
  const shown = Object.entries(found).filter(([, value]) => value !== null && (typeof value !== "object" || (Array.isArray(value) && value.length)));
  return h("details", { class: "why" }, h("summary", {}, t("edits.figures")),
    h("dl", {}, shown.flatMap(([name, value]) => [h("dt", {}, tOr(`figure.${name}`, name)), h("dd", {}, name === "method" ? t(`method.${value}`) : text(value))])), h("span", { class: "muted" }, unitText(quantityUnit(quantity))));
}

function editTable(item, undoing, signal) {
  const amount = (row) => (row.amount === null ? "" : `${exact(row.amount)} ${unitText(quantityUnit(row.quantity))}`);
  return new Table([
    { key: "action", label: t("edits.action"), class: "main-cell", cell: (row) => h("span", {}, `${t(`edit.${row.action}`)} ${amount(row)}`, h("span", { class: "muted under" }, quantityName(row.quantity))) },
    { key: "from", label: t("edits.range"), value: (row) => row.from, cell: (row) => range(row, item.zone) },
    { key: "why", label: t("edits.reason"), cell: (row) => h("span", {}, row.reason, h("span", { class: "muted under" }, `${row.actor} · ${when(row.at, item.zone)}`)) },
    { key: "state", label: t("word.state"), value: (row) => row.state, cell: (row) => state(row, item.zone) },
    { key: "effect", label: t("edits.effect"), cell: (row) => effect(row, item, signal) },
    ...(undoing ? [{ key: "act", label: "", cell: (row) => row.state === "in_force" && h("button", { class: "button", type: "button", dataset: { focus: `undo:${row.id}`, action: "undo" }, onclick: () => undoing(row) }, t("edits.undo")) }] : []),
  ], { sort: "from", down: true, shown: 10, key: (row) => String(row.id), none: t("edits.noedits") });
}

function state(row, zone) {
  if (row.state === "in_force") return badge("ok", t("edits.inforce"));
  return h("span", {}, badge("off", t("edits.undone")), h("span", { class: "muted under" }, `${row.undone_by} · ${when(row.undone_at, zone)}${t("word.colon")}${row.undo_reason}`));
}

/** Before and after, asked for when it is opened. */
function effect(row, item, signal) {
  const place = h("div");
  const details = h("details", { class: "why", ontoggle: () => details.open && !place.hasChildNodes() && into(place, async () => {
    const found = await get(`/v1/edits/${row.id}`, {}, signal);
    return outcome(found, { item, signal, plain: true });
  }, signal) }, h("summary", {}, t("edits.show")), place);
  return details;
}

function undo(row, done) {
  const words = h("textarea", { rows: 3, maxlength: 2000, id: "reason", required: true });
  ask({ title: t("edits.undo"), about: h("p", {}, `${t(`edit.${row.action}`)}${t("word.colon")}${row.reason}`), fields: labelled(t("edits.reason"), words), act: () => send("POST", `/v1/edits/${row.id}/undo`, { reason: words.value.trim() }), done });
}
