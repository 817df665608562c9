// Metering review: see the report of an enterprise and period, make it, and let a second person sign or reject it.

import { all, get, send, session } from "../api.js";
import { ask, labelled } from "../dialog.js";
import { fill, h } from "../dom.js";
import { when } from "../format.js";
import { t } from "../i18n.js";
import { Table, badge, card, failed, into, select } from "../parts.js";
import { bounds, iso } from "../time.js";
import { report } from "./report.js";

const STATES = { made: "warning", signed: "ok", rejected: "critical" };
const STAFF = ["admin", "operator"];

export default function reviews(place, _, query, signal) {
  document.title = `${t("nav.reviews")} · ${t("app.name")}`;
  const asked = { enterprise: query.get("enterprise") ?? "", from: query.get("from") ?? "", to: query.get("to") ?? "" };
  const form = h("div");
  const shown = h("div");
  const list = h("div");
  let enterprises = [];

  const load = () => into(list, async () => table({ show, load }).update(await all("/v1/reviews", { enterprise: asked.enterprise }, signal, 500)), signal);
  const show = (review) => {
    fill(shown);
    into(shown, async () => card(title(review), report(await get(`/v1/reviews/${review.id}/report.json`, {}, signal))), signal);
    shown.scrollIntoView();
  };
  const preview = () => {
    fill(shown);
    into(shown, async () => {
      const { uscc, span } = chosen(asked, enterprises);
      return card(t("reviews.preview"), report(await get(`/v1/enterprises/${uscc}/review`, span, signal)));
    }, signal);
  };
  const make = async () => {
    const { uscc, span } = chosen(asked, enterprises);
    try {
      show(await send("POST", "/v1/reviews", { enterprise: uscc, ...span }));
      load();
    } catch (error) {
      if (error.status === undefined) throw error;
      fill(shown, failed(error));
    }
  };
  const choose = (change) => {
    Object.assign(asked, change);
    history.replaceState(null, "", `#/reviews?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value))}`);
    draw();
    if ("enterprise" in change) load();
  };
  const draw = () => fill(form, question(asked, enterprises, choose, preview, make));

  fill(place, h("div", { class: "head" }, h("h1", {}, t("nav.reviews"))), form, shown, card(t("reviews.list"), list));
  load();
  into(form, async () => {
    enterprises = await all("/v1/enterprises", {}, signal);
    draw();
  }, signal);
}

/** The enterprise and period to review; the month before this one where nothing is chosen. */
function question(asked, enterprises, choose, preview, make) {
  const ready = asked.enterprise && asked.from && asked.to;
  const day = (name) => {
    const box = h("input", { type: "date", value: asked[name], "aria-label": t(`word.${name}`), dataset: { focus: name }, onchange: () => choose({ [name]: box.value }) });
    return h("label", { class: "field" }, h("span", {}, t(`word.${name}`)), box);
  };
  return h("div", { class: "filters" },
    select(t("word.enterprise"), [["", t("alerts.any")], ...enterprises.map((each) => [each.uscc, each.name])], asked.enterprise, (enterprise) => choose({ enterprise, ...(asked.from ? {} : lastMonth(enterprise, enterprises)) })),
    day("from"), day("to"),
    h("button", { class: "button", type: "button", disabled: !ready, dataset: { focus: "preview" }, onclick: preview }, t("reviews.see")),
    STAFF.includes(session.who?.role) && h("button", { class: "button primary", type: "button", disabled: !ready, dataset: { focus: "make" }, onclick: make }, t("reviews.make")));
}

function lastMonth(uscc, enterprises) {
  const { zone } = enterprises.find((each) => each.uscc === uscc) ?? { zone: "Asia/Shanghai" };
  const { from, to } = bounds("lastmonth", zone);
  return { from: iso(from, zone).slice(0, 10), to: iso(to - 1, zone).slice(0, 10) };
}

function chosen(asked, enterprises) {
  const { zone } = enterprises.find((each) => each.uscc === asked.enterprise);
  const { from, to } = bounds({ from: asked.from, to: asked.to }, zone);
  return { uscc: asked.enterprise, span: { from: iso(from, zone), to: iso(to, zone) } };
}

const lastDay = (review) => iso(Date.parse(review.to) - 1, review.zone).slice(0, 10);
const title = (review) => t("reviews.title", { id: review.id, enterprise: review.enterprise, from: review.from.slice(0, 10), to: lastDay(review) });

function table({ show, load }) {
  return new Table([
    { key: "what", label: t("reviews.report"), class: "main-cell", cell: (row) => h("span", {}, h("a", { href: "#", dataset: { focus: `show:${row.id}` }, onclick: (event) => { event.preventDefault(); show(row); } }, title(row)), h("span", { class: "muted under" }, t("reviews.asof", { at: when(row.as_of, row.zone) }))) },
    { key: "state", label: t("word.state"), value: (row) => row.state, cell: (row) => badge(STATES[row.state], t(`review.${row.state}`)) },
    { key: "made", label: t("reviews.madeby"), cell: (row) => who(row.made_by, row.made_at, row.zone) },
    { key: "decided", label: t("reviews.decidedby"), cell: (row) => (row.decided_by ? who(row.decided_by, row.decided_at, row.zone, row.reason) : "") },
    { key: "files", label: t("reviews.files"), class: "nowrap", cell: files },
    { key: "act", label: "", class: "nowrap", cell: (row) => actions(row, load) },
  ], { key: (row) => String(row.id), none: t("reviews.none") });
}

function who(name, at, zone, reason) {
  return h("span", {}, name, h("span", { class: "muted under" }, when(at, zone), reason && h("q", {}, reason)));
}

function files(row) {
  const link = (part, form, text) => h("a", { href: `/v1/reviews/${row.id}/${part}.${form}`, target: "_blank", rel: "noopener" }, text);
  return h("span", { class: "filters" }, link("report", "pdf", "PDF"), link("report", "xlsx", "XLSX"), link("evidence", "zip", t("reviews.evidence")));
}

/** Sign and reject, for the second person. */
function actions(row, load) {
  if (row.state !== "made" || !STAFF.includes(session.who?.role)) return "";
  if (row.made_by === session.who.name) return h("span", { class: "muted" }, t("reviews.second"));
  const button = (name) => h("button", { class: "button", type: "button", dataset: { focus: `${name}:${row.id}`, action: name }, onclick: () => decide(row, name, load) }, t(`decide.${name}`));
  return h("span", { class: "filters" }, button("sign"), button("reject"));
}

function decide(row, name, done) {
  const must = name === "reject";
  const words = h("textarea", { rows: 3, maxlength: 2000, id: "words", required: must });
  ask({
    title: t(`decide.${name}`),
    about: [h("p", {}, title(row)), h("p", { class: "muted note" }, `SHA-256 ${row.hash.slice(0, 16)}…`)],
    fields: labelled(t(must ? "reviews.reason" : "reviews.note"), words),
    act: () => send("POST", `/v1/reviews/${row.id}/${name}`, { [must ? "reason" : "note"]: words.value.trim() }),
    done,
  });
}
