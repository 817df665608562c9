// The review inbox: what stands, that with most at stake first; looked through and dealt with by keyboard or mouse.

import { acknowledge, begin, possible } from "../alertactions.js";
import { all, get, session } from "../api.js";
import { atMostEvery, every, fill, h } from "../dom.js";
import { number, when } from "../format.js";
import { carrierName, t } from "../i18n.js";
import { SEVERITIES, SORTS, STATES, WHOSE, filtersOf, inboxOf, queryOf } from "../inbox.js";
import { keys, keysButton, showKeys } from "../keys.js";
import { live } from "../live.js";
import { card, empty, failed, into, ruleName, segments, select } from "../parts.js";
import { alertRow, groupRow } from "./alertrow.js";

const STAFF = ["admin", "operator"];
const REFRESH_MS = 60_000;
const SHOWN = 100;
const KEYS = { j: "keys.down", k: "keys.up", Enter: "keys.open", x: "keys.select", a: "keys.acknowledge", d: "keys.dismiss", Esc: "keys.clear", "?": "keys.help" };

export default function alerts(place, _, query, signal) {
  document.title = `${t("nav.alerts")} · ${t("app.name")}`;
  const head = h("div", { class: "head row" }, h("h1", {}, t("nav.alerts")), STAFF.includes(session.who.role) && h("a", { href: "#/notices" }, t("notices.title")), keysButton(KEYS));
  const bar = h("div", { class: "filters narrow" });
  const list = h("div");
  const page = new Page(inboxOf(filtersOf(query)), bar, list, signal);
  fill(place, head, bar, card(page.summary, list));
  page.start();
}

/** The list of an inbox, what is selected in it, and where the keyboard is. */
class Page {
  #rows = [];
  #selected = new Set();
  #opened = new Set();
  #shown = SHOWN;
  #known = { rules: [], enterprises: [], carriers: [] };
  #said = h("div", { role: "status", class: "muted note" });
  #bulk = h("div", { class: "bulk", hidden: true });
  summary = h("span", {}, t("nav.alerts"));
  #rowsAt = h("ul", { class: "plain inbox" });
  #more = h("div");

  constructor(inbox, bar, list, signal) {
    Object.assign(this, { inbox, bar, list, signal });
  }

  start() {
    this.#choices();
    if (this.inbox.loaded) fill(this.list, this.#draw());
    this.load();
    this.#learn();
    const soon = atMostEvery(500, () => this.#redraw(), this.signal);
    live.on("alert", (alert) => {
      this.inbox.take(alert);
      soon();
    }, this.signal);
    live.on("resumed", () => this.load(), this.signal);
    every(REFRESH_MS, () => this.load(), this.signal);
    const step = (by) => () => this.#step(by);
    keys({ j: step(1), k: step(-1), ArrowDown: step(1), ArrowUp: step(-1), Enter: () => this.#open(), x: () => this.#select(), a: () => this.#acknowledge(), d: () => this.#dismiss(), Escape: () => this.#clear(), "?": () => showKeys(KEYS) }, this.signal);
  }

  load() {
    return into(this.list, async () => {
      await this.inbox.load(this.signal);
      if (this.inbox.items.length) return this.#draw();
      const about = await get("/v1/overview", {}, this.signal);
      return this.inbox.items.length ? this.#draw() : this.#nothing(about);
    }, this.signal);
  }

  /** What the filters can be set to. */
  async #learn() {
    const [enterprises, rules] = await Promise.all([all("/v1/enterprises", {}, this.signal), get("/v1/rules", {}, this.signal)]).catch(() => [[], { items: [] }]); // the list itself shows what is wrong
    const carriers = await get("/v1/carriers", {}, this.signal).catch(() => ({ items: [] }));
    this.#known = { enterprises, rules: rules.items, carriers: carriers.items };
    if (!this.signal.aborted) this.#choices();
  }

  #choices() {
    const { filters } = this.inbox;
    const set = (name) => (value) => { location.hash = `#/alerts${queryOf({ ...filters, [name]: value })}`; };
    const any = ["", t("alerts.any")];
    const of = (name, label, options) => select(label, options, filters[name], set(name));
    fill(this.bar,
      segments(t("word.state"), STATES.map((state) => [state, t(`alert.${state}`)]), filters.state, set("state")),
      segments(t("alerts.whose"), WHOSE.map((whose) => [whose, t(`whose.${whose || "all"}`)]), filters.whose, set("whose")),
      of("severity", t("alerts.severity"), [any, ...SEVERITIES.map((each) => [each, t(`severity.${each}`)])]),
      of("rule", t("alerts.rule"), [any, ...this.#known.rules.map(({ name }) => [name, ruleName(name)])]),
      of("enterprise", t("word.enterprise"), [any, ...this.#known.enterprises.map(({ uscc, name }) => [uscc, name])]),
      of("carrier", t("word.carrier"), [any, ...this.#known.carriers.map(({ code }) => [code, carrierName(code)])]),
      of("sort", t("alerts.sort"), SORTS.map((sort) => [sort, t(`sort.${sort}`)])));
  }

  /** Draw anew where it stood: what the keyboard is at, else the first row in sight, stays where it is on the screen. */
  #redraw() {
    if (!this.inbox.items.length) return this.load();
    const held = this.#element(this.inbox.cursor.id) ?? [...this.#rowsAt.children].find((row) => row.getBoundingClientRect().bottom > 60);
    const before = held?.getBoundingClientRect().top;
    fill(this.list, this.#draw());
    const after = held && this.#element(held.dataset.key);
    if (after && scrollY > 0) scrollBy(0, after.getBoundingClientRect().top - before);
  }

  #draw() {
    const { items, next, cursor } = this.inbox;
    const there = new Set(items.map(({ id }) => id));
    this.#selected = new Set([...this.#selected].filter((id) => there.has(id)));
    this.#rows = this.inbox.rows().flatMap((each) => (each.alert ? each : [each, ...(this.#opened.has(each.key) ? each.alerts.map((alert) => ({ alert, inside: true })) : [])])).slice(0, this.#shown);
    const acts = { select: (alerts) => this.#toggle(alerts), acknowledge: (alerts) => this.#acknowledge(alerts), open: (key) => this.#unfold(key), address: (alert) => `#/alerts/${alert.id}${this.inbox.query}` };
    const at = this.#at();
    fill(this.#rowsAt, this.#rows.map((row, i) => (row.alert ? alertRow : groupRow)(row, { current: i === at && cursor.id !== null, selected: this.#selected, opened: this.#opened, ...acts })));
    fill(this.summary, t("alerts.summary", { n: `${number(items.length)}${next ? "+" : ""}`, critical: number(items.filter(({ severity }) => severity === "critical").length), money: number(items.reduce((sum, { money }) => sum + (money ?? 0), 0)) }));
    const left = Boolean(next) || this.#rows.length === this.#shown;
    fill(this.#more, left && h("button", { class: "button more", type: "button", dataset: { focus: "more" }, onclick: () => this.#further() }, t("alerts.older")));
    this.#drawBulk();
    return [this.#said, this.#bulk, this.#rowsAt, this.#more];
  }

  #drawBulk() {
    const chosen = this.inbox.items.filter(({ id }) => this.#selected.has(id));
    this.#bulk.hidden = !chosen.length;
    const button = (name, act) => chosen.some((alert) => possible(alert, name)) && h("button", { class: "button", type: "button", dataset: { bulk: name }, onclick: act }, t(`act.${name}`));
    fill(this.#bulk, h("b", {}, t("alerts.selected", { n: chosen.length })), button("acknowledge", () => this.#acknowledge()), button("dismiss", () => this.#dismiss()), h("button", { class: "button quiet", type: "button", onclick: () => this.#clear() }, t("keys.clear")));
  }

  /** Nothing stands: what was looked at, and when. */
  #nothing(about) {
    const filtered = this.inbox.query && h("a", { href: "#/alerts" }, t("alerts.unfiltered"));
    const looked = about.watched_until
      ? t("alerts.lookedat", { points: number(about.metering_points), enterprises: number(about.enterprises), at: when(about.watched_until, about.items[0]?.zone ?? "Asia/Shanghai") })
      : t("alerts.neverlooked");
    fill(this.summary, t("nav.alerts"));
    return [this.#said, empty(t("alerts.nonefound"), h("span", {}, looked, " ", filtered))];
  }

  async #further() {
    if (this.#rows.length < this.#shown) await this.inbox.more(this.signal).catch((error) => this.#failed(error));
    this.#shown += SHOWN;
    this.#redraw();
  }

  #element(key) {
    return key === null ? null : this.#rowsAt.querySelector(`[data-key="${CSS.escape(String(key))}"]`);
  }

  /** Where the keyboard is; a row that went leaves it to the one that came in its place. */
  #at() {
    const { cursor } = this.inbox;
    const at = this.#rows.findIndex((row) => keyOf(row) === cursor.id);
    if (at >= 0 || cursor.id === null) return at;
    return Math.min(cursor.at, this.#rows.length - 1);
  }

  #step(by) {
    const at = this.inbox.cursor.id === null ? 0 : Math.max(0, Math.min(this.#rows.length - 1, this.#at() + by));
    if (!this.#rows[at]) return;
    this.inbox.cursor = { id: keyOf(this.#rows[at]), at };
    this.#rowsAt.querySelector("[aria-current]")?.removeAttribute("aria-current");
    const row = this.#rowsAt.children[at];
    row.setAttribute("aria-current", "true");
    row.querySelector(".inbox-go").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  /** The alerts that an action is about: the selected ones, else those of the row the keyboard is at. */
  #meant() {
    if (this.#selected.size) return this.inbox.items.filter(({ id }) => this.#selected.has(id));
    const row = this.inbox.cursor.id === null ? undefined : this.#rows[this.#at()];
    return row ? (row.alerts ?? [row.alert]) : [];
  }

  #open() {
    const row = this.inbox.cursor.id === null ? undefined : this.#rows[this.#at()];
    if (row?.key) this.#unfold(row.key);
    else if (row) location.hash = `#/alerts/${row.alert.id}${this.inbox.query}`;
  }

  #unfold(key) {
    if (!this.#opened.delete(key)) this.#opened.add(key);
    this.#redraw();
  }

  #select() {
    const row = this.#rows[this.#at()];
    if (row && this.inbox.cursor.id !== null) this.#toggle(row.alerts ?? [row.alert]);
  }

  #toggle(alerts) {
    const all = alerts.every(({ id }) => this.#selected.has(id));
    for (const { id } of alerts) all ? this.#selected.delete(id) : this.#selected.add(id);
    this.#redraw();
  }

  #clear() {
    this.#selected.clear();
    this.#redraw();
  }

  async #acknowledge(alerts = this.#meant()) {
    const open = alerts.filter((alert) => possible(alert, "acknowledge"));
    if (!open.length) return;
    try {
      await acknowledge(open);
    } catch (error) {
      return this.#failed(error);
    }
    this.#done(t("alerts.acknowledged", { n: open.length }));
  }

  #dismiss() {
    const meant = this.#meant().filter((alert) => possible(alert, "dismiss"));
    if (meant.length) begin(meant, "dismiss", () => this.#done(t("alerts.dismissed", { n: meant.length })));
  }

  #done(text) {
    this.#selected.clear();
    fill(this.#said, text);
    return this.load();
  }

  #failed(error) {
    if (error.status === undefined) throw error;
    fill(this.#said, failed(error));
    return this.load();
  }
}

const keyOf = (row) => row.key ?? row.alert.id;
