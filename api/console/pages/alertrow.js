// One row of the inbox: an alert, or many alike as one.

import { possible } from "../alertactions.js";
import { h } from "../dom.js";
import { NOTHING, lasting, number, when, withUnit } from "../format.js";
import { carrierName, inLanguage, t } from "../i18n.js";
import { SEVERITIES } from "../inbox.js";
import { ruleName, severityBadge } from "../parts.js";

/** What is at stake in money, energy and coal equivalent. */
export function stake(money, energy, tce) {
  if (money === null && energy === null) return h("span", { class: "muted" }, NOTHING);
  return h("span", {}, money === null ? energy : `¥ ${number(money)}`, h("span", { class: "muted under" }, [money === null ? null : energy, tce === null ? null : `${number(tce)} tce`].filter(Boolean).join(" · ")));
}

const energyOf = (alert) => (alert.amount === null ? null : withUnit(alert.amount, alert.unit));

export function alertRow({ alert, inside }, { current, selected, select, acknowledge, address }) {
  const about = [alert.enterprise, alert.carrier && carrierName(alert.carrier), alert.reopened > 0 && t("alerts.reopened", { n: alert.reopened })].filter(Boolean).join(" · ");
  return row(alert.id, { current, inside, severity: alert.severity },
    tick(alert.id, t("alerts.select"), selected.has(alert.id), false, () => select([alert])),
    h("span", { class: "inbox-what" }, severityBadge(alert.severity), h("span", { class: "muted under" }, ruleName(alert.rule))),
    h("span", { class: "inbox-main" }, h("a", { class: "inbox-go", href: address(alert), dataset: { focus: `alert:${alert.id}` } }, inLanguage(alert)), h("span", { class: "muted under" }, about)),
    h("span", { class: "inbox-since" }, when(alert.onset, alert.zone), h("span", { class: "muted under" }, lasting(alert.onset, alert.ended))),
    h("span", { class: "inbox-worth num" }, stake(alert.money, energyOf(alert), alert.tce)),
    h("span", { class: "inbox-state" }, possible(alert, "acknowledge") ? button(`acknowledge:${alert.id}`, t("act.acknowledge"), () => acknowledge([alert])) : t(`alert.${alert.state}`), alert.assignee && h("span", { class: "muted under" }, t("alerts.for", { name: alert.assignee }))));
}

export function groupRow({ key, alerts }, { current, selected, opened, select, acknowledge, open }) {
  const [first] = alerts;
  const severity = SEVERITIES.find((each) => alerts.some((alert) => alert.severity === each));
  const since = alerts.map(({ onset }) => onset).reduce((a, b) => (Date.parse(a) < Date.parse(b) ? a : b));
  const unfolded = opened.has(key);
  const chosen = alerts.filter(({ id }) => selected.has(id)).length;
  const toBe = alerts.filter((alert) => possible(alert, "acknowledge"));
  const sum = (name) => alerts.reduce((total, alert) => (alert[name] === null ? total : (total ?? 0) + alert[name]), null);
  return row(key, { current, severity, group: true },
    tick(key, t("alerts.select"), chosen === alerts.length, chosen > 0 && chosen < alerts.length, () => select(alerts)),
    h("span", { class: "inbox-what" }, severityBadge(severity), h("span", { class: "muted under" }, ruleName(first.rule))),
    h("span", { class: "inbox-main" }, h("button", { class: "inbox-go", type: "button", "aria-expanded": String(unfolded), dataset: { focus: `group:${key}` }, onclick: () => open(key) }, unfolded ? "▾ " : "▸ ", t("alerts.group", { n: alerts.length, rule: ruleName(first.rule), enterprise: first.enterprise })), h("span", { class: "muted under first" }, first.evidence.address && `${t("alerts.behind", { address: first.evidence.address })} · `, inLanguage(first))),
    h("span", { class: "inbox-since" }, when(since, first.zone), h("span", { class: "muted under" }, t("alerts.earliest"))),
    h("span", { class: "inbox-worth num" }, stake(sum("money"), null, sum("tce"))),
    h("span", { class: "inbox-state" }, toBe.length ? button(`acknowledge:${key}`, t("alerts.acknowledgeall", { n: toBe.length }), () => acknowledge(toBe)) : null));
}

function row(key, { current, inside, group, severity }, ...cells) {
  const kind = ["inbox-row", severity, inside && "inside", group && "group"].filter(Boolean).join(" ");
  return h("li", { class: kind, dataset: { key }, "aria-current": current ? "true" : undefined }, cells);
}

function tick(key, label, checked, partly, change) {
  const box = h("input", { type: "checkbox", "aria-label": label, checked, dataset: { focus: `tick:${key}` }, onchange: change });
  box.indeterminate = partly;
  return h("span", { class: "inbox-tick" }, box);
}

const button = (focus, text, onclick) => h("button", { class: "button", type: "button", dataset: { focus }, onclick }, text);
