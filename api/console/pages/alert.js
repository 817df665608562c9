// One alert: what it says, what it rests on as known then and now, what was done about it, and the next one.

import { acknowledge, actionButtons, begin, possible } from "../alertactions.js";
import { download, get } from "../api.js";
import { chart, onBucket } from "../charts.js";
import { atMostEvery, fill, h } from "../dom.js";
import { evidenceChart } from "../evidencechart.js";
import { NOTHING, lasting, number, when, withUnit } from "../format.js";
import { carrierName, inLanguage, quantityName, t, tOr } from "../i18n.js";
import { filtersOf, inboxOf } from "../inbox.js";
import { keys, keysButton, showKeys } from "../keys.js";
import { live } from "../live.js";
import { Table, badge, card, failed, into, ruleName, segments, severityBadge } from "../parts.js";
import { stake } from "./alertrow.js";
import { lineage, meters, readings } from "./lineage.js";

const KEYS = { j: "keys.next", k: "keys.previous", a: "keys.acknowledge", d: "keys.dismiss", u: "keys.back", "?": "keys.help" };

export default function alert(place, [id], query, signal) {
  const inbox = inboxOf(filtersOf(query));
  const page = new Page(Number(id), inbox, signal);
  fill(place, page.head, h("div", { class: "columns" }, h("div", { class: "side" }, page.evidence), h("div", { class: "side" }, page.about)));
  page.start();
}

class Page {
  head = h("div", { class: "head" });
  evidence = h("div", { class: "side" });
  about = h("div", { class: "side" });
  #alert;
  #way = { at: -1 };
  #said = h("div", { role: "status" });

  constructor(id, inbox, signal) {
    Object.assign(this, { id, inbox, signal });
  }

  async start() {
    keys({ j: () => this.#go(this.#way.next), k: () => this.#go(this.#way.previous), a: () => this.#acknowledge(), d: () => possible(this.#alert, "dismiss") && begin([this.#alert], "dismiss", () => this.load()), u: () => this.#back(), "?": () => showKeys(KEYS) }, this.signal);
    live.on("alert", (told) => {
      this.inbox.take(told);
      if (told.id === this.id) soon();
    }, this.signal);
    const soon = atMostEvery(1000, () => this.load(), this.signal);
    live.on("resumed", soon, this.signal);
    const loaded = this.load();
    if (!this.inbox.loaded) await this.inbox.load(this.signal).catch(() => {}); // then there is no next one
    this.#way = this.inbox.neighbours(this.id);
    if (this.#way.at >= 0) this.inbox.cursor = { id: this.id, at: this.#way.at };
    await loaded;
    if (this.#alert && !this.signal.aborted) fill(this.head, this.#heading());
    into(this.evidence, () => this.#shown(), this.signal);
  }

  load() {
    return into(this.head, async () => {
      this.#alert = await get(`/v1/alerts/${this.id}`, {}, this.signal);
      document.title = `${ruleName(this.#alert.rule)} · ${t("app.name")}`;
      fill(this.about, card(t("alert.trail"), trail(this.#alert)), card(t("alert.numbers"), numbers(this.#alert)));
      return this.#heading();
    }, this.signal);
  }

  #heading() {
    const alert = this.#alert;
    const where = pointAddress(alert);
    const energy = alert.amount === null ? null : withUnit(alert.amount, alert.unit);
    return [
      h("nav", { class: "crumbs way", "aria-label": t("nav.crumbs") }, h("a", { href: `#/alerts${this.inbox.query}` }, t("nav.alerts")), " / ", h("a", { href: `#/enterprises/${alert.uscc}` }, alert.enterprise), where && [" / ", h("a", { href: where }, alert.metering_point)], this.#ways()),
      h("h1", {}, inLanguage(alert)),
      h("div", { class: "facts" }, severityBadge(alert.severity), h("span", { class: "tag" }, ruleName(alert.rule)), h("b", { class: "alert-state" }, t(`alert.${alert.state}`)),
        alert.assignee && h("span", {}, t("alerts.for", { name: alert.assignee })),
        h("span", {}, h("span", { class: "muted" }, `${t("alerts.onset")} `), when(alert.onset, alert.zone), alert.ended ? ` – ${when(alert.ended, alert.zone)}` : "", " (", lasting(alert.onset, alert.ended), ")"),
        alert.carrier && h("span", {}, carrierName(alert.carrier)),
        (alert.money !== null || energy) && h("span", { class: "stake" }, h("span", { class: "muted" }, `${t("alerts.worth")} `), stake(alert.money, energy, alert.tce)),
        alert.reopened > 0 && h("span", { class: "muted" }, t("alerts.reopened", { n: alert.reopened }))),
      h("div", { class: "acts" }, actionButtons(alert, () => this.load()), keysButton(KEYS)),
      this.#said,
    ];
  }

  /** To the previous and the next one of the inbox. */
  #ways() {
    const { at, previous, next } = this.#way;
    if (at < 0) return null;
    const link = (alert, text, way) => (alert ? h("a", { class: "button quiet", rel: way, href: this.#address(alert) }, text) : h("span", { class: "button quiet off", "aria-disabled": "true" }, text));
    return h("span", { class: "ways" }, link(previous, `‹ ${t("alert.previous")}`, "prev"), h("span", { class: "muted" }, `${at + 1} / ${this.inbox.items.length}${this.inbox.next ? "+" : ""}`), link(next, `${t("alert.next")} ›`, "next"));
  }

  #address = (alert) => `#/alerts/${alert.id}${this.inbox.query}`;

  #go(alert) {
    if (alert) location.hash = this.#address(alert);
  }

  #back() {
    location.hash = `#/alerts${this.inbox.query}`;
  }

  async #acknowledge() {
    if (!this.#alert || !possible(this.#alert, "acknowledge")) return;
    try {
      await acknowledge([this.#alert]);
    } catch (error) {
      if (error.status === undefined) throw error;
      fill(this.#said, failed(error));
    }
    this.load();
  }

  async #shown() {
    const found = await get(`/v1/alerts/${this.id}/evidence`, {}, this.signal);
    if (!this.#alert) return undefined;
    return [
      found.series && course(this.#alert, found, this.signal),
      ...found.parts.map((part) => ground(part, found, found.parts.length > 1)),
      found.gaps.length > 0 && card(t("alert.gaps"), gaps(found, this.#alert.uscc)),
      card(t("alert.thresholds"), judged(found.judged_by)),
    ].filter(Boolean);
  }
}

function pointAddress(alert, from, to) {
  if (!alert.metering_point) return null;
  const span = from ? `?from=${from.slice(0, 10)}&to=${to.slice(0, 10)}` : "";
  return `#/metering-points/${alert.uscc}/${encodeURIComponent(alert.metering_point)}${span}`;
}

/** The chart, as known now or when the alert was found; a click on a bar tells where its number comes from. */
function course(alert, found, signal) {
  const { series } = found;
  const tools = h("div", { class: "tools" });
  const note = h("p", { class: "muted note" });
  const canvas = h("div", { class: "chart", dataset: { chart: "evidence" } });
  const problem = h("div");
  const made = chart(canvas, signal);
  const panel = lineage({ uscc: alert.uscc, code: alert.metering_point, zone: found.zone }, signal);
  let which = series.changed ? "found" : "now";
  const draw = () => {
    const option = evidenceChart(found, which, { carrier: alert.carrier, width: made.getWidth() || 800, label: inLanguage(alert) });
    made.setOption(option, { notMerge: true });
    canvas.dataset.which = which;
    fill(tools, series.found && segments(t("alert.asof"), [["now", t("alert.now")], ["found", t("alert.found", { at: when(found.found_at, found.zone) })]], which, choose));
    fill(note, series.changed ? h("b", {}, t("alert.changed"), " ") : null, t("alert.legend"), " ", inLanguage(series.reference), t("word.stop"));
  };
  const choose = (chosen) => {
    which = chosen;
    draw();
  };
  const end = (i) => Date.parse(series.start[i + 1] ?? series.end);
  onBucket(made, (i) => series.start[i] && panel.show(Date.parse(series.start[i]), end(i), which === "now" ? found.as_of : found.found_at));
  draw();
  const csv = h("button", { class: "button quiet", type: "button", onclick: () => download(`/v1/alerts/${alert.id}/evidence`, {}, `alert-${alert.id}.csv`).catch((error) => fill(problem, failed(error))) }, t("chart.csv"));
  const open = h("a", { class: "button quiet", href: pointAddress(alert, series.start[0], series.start.at(-1)) }, t("alert.openpoint"));
  return card(t("alert.course"), [tools, problem, canvas, note, h("p", { class: "muted hint" }, t("lineage.hint")), panel.element], [open, csv]);
}

/** What one register rests on: readings at both edges of the finding, verdicts, edits, meters. */
function ground(part, { zone }, named) {
  const title = named ? `${t("alert.ground")} · ${part.metering_point.split("/")[1]}` : t("alert.ground");
  const span = { key: "from", label: t("word.time"), class: "main-cell", cell: (row) => `${when(row.from, zone)} – ${when(row.to, zone)}` };
  return card(title, [
    h("h3", {}, t("alert.readings")), readings(part, zone),
    part.verdicts.length > 0 && [h("h3", {}, t("alert.verdicts")), new Table([
      span,
      { key: "kind", label: t("alert.verdict"), cell: (row) => tOr(`verdict.${row.kind}`, row.kind) },
      { key: "told", label: t("alert.told"), cell: (row) => when(row.detected_at, zone) },
    ], { shown: 20 }).update(part.verdicts)],
    part.edits.length > 0 && [h("h3", {}, t("alert.edits")), new Table([
      span,
      { key: "action", label: t("alert.edit"), cell: (row) => tOr(`edit.${row.action}`, row.action) },
      { key: "reason", label: t("notices.reason"), cell: (row) => `${row.actor}: ${row.reason}` },
    ], { shown: 20 }).update(part.edits)],
    h("details", { class: "numbers" }, h("summary", {}, t("lineage.meters")), meters(part, zone)),
  ]);
}

function gaps({ gaps: rows, zone }, uscc) {
  return new Table([
    { key: "where", label: t("word.point"), class: "main-cell", cell: (row) => h("a", { href: pointAddress({ uscc, metering_point: row.metering_point }, row.from, row.to ?? row.from) }, row.metering_point) },
    { key: "from", label: t("word.from"), cell: (row) => when(row.from, zone) },
    { key: "length", label: t("word.duration"), cell: (row) => lasting(row.from, row.to) },
    { key: "missing", label: t("point.missing"), class: "num", cell: (row) => number(row.missing) },
    { key: "quantities", label: t("point.quantities"), class: "num", cell: (row) => number(row.quantities.length) },
    { key: "cause", label: t("word.cause"), cell: (row) => tOr(`cause.${row.cause}`, row.cause) },
    { key: "state", label: t("word.state"), cell: (row) => badge(row.state === "open" ? "warning" : "ok", tOr(`gap.${row.state}`, row.state)) },
  ], { shown: 20 }).update(rows);
}

/** What the rule judged by then, and by now where that is otherwise. */
function judged(by) {
  const value = (figure, unit) => (figure === null ? t("alert.off") : typeof figure === "boolean" ? t(figure ? "alert.yes" : "alert.no") : withUnit(figure, unit));
  const table = new Table([
    { key: "what", label: t("alert.threshold"), class: "main-cell", cell: (row) => inLanguage(row) },
    { key: "then", label: t("alert.then"), class: "num", cell: (row) => value(row.then, row.unit) },
    { key: "now", label: t("alert.now"), class: "num", cell: (row) => (row.now === row.then ? t("alert.same") : value(row.now, row.unit)) },
  ], { none: t("alert.nothresholds") });
  return [h("p", {}, inLanguage(by), t("word.stop"), " ", h("span", { class: "muted" }, by.software)), by.verified ? null : h("p", { class: "muted note" }, t("alert.unverified")), table.update(by.thresholds)];
}

function trail(alert) {
  return h("ol", { class: "plain trail" }, alert.events.map((event) =>
    h("li", {}, h("div", {}, h("b", {}, tOr(`action.${event.action}`, event.action)), h("span", { class: "muted" }, ` ${event.actor} · ${when(event.at, alert.zone)}`)), event.note ? h("q", {}, event.note) : null)));
}

const INSTANT = /^\d{4}-\d\d-\d\dT/;

/** The numbers behind the sentence. */
function numbers(alert) {
  return h("dl", { class: "evidence" }, Object.entries(alert.evidence).flatMap(([name, value]) => [h("dt", {}, tOr(`evidence.${name}`, name)), h("dd", {}, tOr(`evidence.${name}.${value}`, shown(value, alert.zone)))]));
}

function shown(value, zone) {
  if (Array.isArray(value)) return value.map(quantityName).join(t("word.comma"));
  if (value === null || value === "") return NOTHING;
  if (typeof value === "number") return number(value);
  if (typeof value === "object") return JSON.stringify(value);
  return INSTANT.test(value) ? when(value, zone) : String(value);
}
