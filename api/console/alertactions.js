// What people do with alerts: buttons for what their state and one's role allow, each with its dialog.

import { send, session } from "./api.js";
import { ask, labelled } from "./dialog.js";
import { h } from "./dom.js";
import { inLanguage, t } from "./i18n.js";

const LIVE = ["open", "acknowledged", "suppressed"];
const STAFF = ["admin", "operator"];
const AT_ONCE = 500; // alerts that the service takes in one request
const ACTIONS = {
  acknowledge: { states: ["open"], roles: [...STAFF, "enterprise"], said: "note", many: true },
  assign: { states: LIVE, roles: STAFF, said: "note", assignee: true },
  comment: { states: [...LIVE, "resolved", "dismissed"], roles: [...STAFF, "enterprise"], said: "note", must: true },
  resolve: { states: LIVE, roles: STAFF, said: "note" },
  dismiss: { states: [...LIVE, "resolved"], roles: STAFF, said: "reason", must: true, exception: true, many: true },
  reopen: { states: ["dismissed", "resolved"], roles: STAFF, said: "reason", must: true },
};

/** Whether one may do that with an alert as it stands. */
export function possible(alert, name) {
  const action = ACTIONS[name];
  const over = name === "reopen" && alert.state === "resolved" && alert.ended;
  return !over && action.states.includes(alert.state) && action.roles.includes(session.who?.role);
}

/** Buttons for all that can be done with an alert. */
export function actionButtons(alert, done) {
  return Object.keys(ACTIONS).filter((name) => possible(alert, name)).map((name) =>
    h("button", { class: "button", type: "button", dataset: { focus: `${name}:${alert.id}`, action: name }, onclick: () => begin([alert], name, done) }, t(`act.${name}`)));
}

/** Acknowledge alerts, without a word. */
export function acknowledge(alerts) {
  return dealWith(alerts, "acknowledge", {});
}

/** As many requests as it takes, one after the other: each is done as a whole or not at all. */
async function dealWith(alerts, name, body) {
  for (let at = 0; at < alerts.length; at += AT_ONCE) await send("POST", `/v1/alerts/${name}`, { ids: alerts.slice(at, at + AT_ONCE).map(({ id }) => id), ...body });
}

/** Ask for what an action needs, and do it with one alert, or with many where it can be. */
export function begin(alerts, name, done) {
  const action = ACTIONS[name];
  const [first] = alerts;
  const several = alerts.length > 1 && t("alerts.andmore", { n: alerts.length - 1 });
  const text = h("textarea", { rows: 3, maxlength: 2000, id: "said", required: Boolean(action.must) });
  const assignee = action.assignee && h("input", { type: "text", id: "assignee", maxlength: 64, value: first.assignee || session.who.name });
  const until = action.exception && h("input", { type: "date", id: "until" });
  const body = () => ({
    [action.said]: text.value.trim(),
    ...(assignee && { assignee: assignee.value.trim() }),
    ...(until?.value && { except_until: new Date(`${until.value}T23:59:59`).toISOString() }),
  });
  const act = () => several
    ? dealWith(alerts, name, body())
    : send("POST", `/v1/alerts/${first.id}/${name}`, body());
  ask({
    title: t(`act.${name}`),
    about: h("p", {}, inLanguage(first), several && h("b", {}, ` ${several}`)),
    fields: [
      ...(assignee ? labelled(t("alerts.assignee"), assignee) : []),
      ...labelled(t(action.must ? `said.${name}` : "alerts.noteoptional"), text),
      ...(until ? labelled(t("alerts.exceptuntil"), until) : []),
    ],
    act,
    done,
  });
}
