// The review inbox: which alerts are asked for, in which order they stand, and what changes of them meanwhile. The list
// and the page of one alert share it, so that both go through the alerts in the same order.

import { get, session } from "./api.js";

export const STATES = ["live", "open", "acknowledged", "resolved", "dismissed", "suppressed", "all"];
export const SEVERITIES = ["critical", "warning", "info"];
export const SORTS = ["materiality", "newest"];
export const WHOSE = ["", "mine", "nobody"];
const LIVE = ["open", "acknowledged"];
const FIRST = 1000;
const MOST_AT_ONCE = 500;
const FOLDED_FROM = 4;
const DEFAULTS = { state: "live", severity: "", rule: "", enterprise: "", carrier: "", whose: "", sort: "materiality" };

/** The filters that an address names. */
export function filtersOf(query) {
  const asked = Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) => [name, query.get(name) ?? value]));
  return { ...asked, sort: SORTS.includes(asked.sort) ? asked.sort : DEFAULTS.sort };
}

/** The query of an address for filters: empty for the usual ones. */
export function queryOf(filters) {
  const set = Object.entries(filters).filter(([name, value]) => value !== DEFAULTS[name]);
  return set.length ? `?${new URLSearchParams(set)}` : "";
}

let last = null;

/** The inbox of these filters; the one that was looked at last if they are the same. */
export function inboxOf(filters) {
  if (queryOf(filters) !== last?.query) last = new Inbox(filters);
  return last;
}

class Inbox {
  items = [];
  /** Whether there are more than were asked for. */
  next = null;
  /** The alert that the keyboard is at, and where it stands. */
  cursor = { id: null, at: 0 };
  loaded = false;

  constructor(filters) {
    this.filters = filters;
    this.query = queryOf(filters);
  }

  /** As they are now, as many as were there. */
  async load(signal) {
    const wanted = Math.max(FIRST, this.items.length);
    let [items, next] = [[], null];
    do {
      const page = await this.#ask(next, Math.min(MOST_AT_ONCE, wanted - items.length), signal);
      items = [...items, ...page.items];
      next = page.next;
    } while (next && items.length < wanted);
    Object.assign(this, { items, next, loaded: true });
  }

  async more(signal) {
    const page = await this.#ask(this.next, MOST_AT_ONCE, signal);
    this.items = [...this.items, ...page.items];
    this.next = page.next;
  }

  /** An alert is as it is told now: it takes its place, or goes. */
  take(alert) {
    const others = this.items.filter(({ id }) => id !== alert.id);
    const at = others.findIndex((each) => this.#before(alert, each) < 0);
    if (!this.#matches(alert)) this.items = others;
    else if (at >= 0) this.items = [...others.slice(0, at), alert, ...others.slice(at)];
    else this.items = this.next ? others : [...others, alert];
  }

  /** What is listed: many of one rule at the same gateway, or of one rule in the same enterprise, as one group ({key,
   * alerts}), which stands by what is at stake in all of it; else one alert ({alert}). */
  rows() {
    const alike = new Map();
    for (const each of this.items) {
      const key = `${each.uscc} ${each.rule} ${each.evidence.address ?? ""}`;
      if (!alike.has(key)) alike.set(key, []);
      alike.get(key).push(each);
    }
    const groups = new Map([...alike].filter(([, alerts]) => alerts.length >= FOLDED_FROM).map(([key, alerts]) => [alerts[0].id, { key, alerts }]));
    const folded = new Set([...groups.values()].flatMap(({ alerts }) => alerts.map(({ id }) => id)));
    const rows = this.items.flatMap((alert) => groups.get(alert.id) ?? (folded.has(alert.id) ? [] : { alert }));
    if (this.filters.sort === "newest") return rows;
    const worth = new Map(rows.map((row) => [row, (row.alerts ?? [row.alert]).reduce((sum, { money }) => sum + (money ?? 0), 0)]));
    return rows.sort((a, b) => worth.get(b) - worth.get(a)); // those of the same worth stay as they come
  }

  /** The alerts before and after one, as they are listed. */
  neighbours(id) {
    const listed = this.rows().flatMap((row) => row.alerts ?? [row.alert]);
    const at = listed.findIndex((each) => each.id === id);
    return { at, previous: listed[at - 1], next: at < 0 ? undefined : listed[at + 1] };
  }

  #ask(after, limit, signal) {
    const { whose, ...rest } = this.filters;
    const asked = new URLSearchParams(Object.entries({ ...rest, limit }).filter(([, value]) => value !== ""));
    if (whose) asked.set("assignee", whose === "mine" ? session.who.name : "");
    if (after) asked.set("after", after);
    return get(`/v1/alerts?${asked}`, {}, signal);
  }

  #matches(alert) {
    const { state, severity, rule, enterprise, carrier, whose } = this.filters;
    const there = { severity: alert.severity, rule: alert.rule, enterprise: alert.uscc, carrier: alert.carrier };
    const same = Object.entries({ severity, rule, enterprise, carrier }).every(([name, value]) => !value || there[name] === value);
    const stands = state === "all" || alert.state === state || (state === "live" && LIVE.includes(alert.state));
    return same && stands && (!whose || alert.assignee === (whose === "mine" ? session.who.name : ""));
  }

  #before(one, other) {
    const grave = (alert) => -SEVERITIES.indexOf(alert.severity);
    const ranked = this.filters.sort === "newest" ? 0 : (other.money ?? 0) - (one.money ?? 0) || grave(other) - grave(one);
    return ranked || other.id - one.id;
  }
}
