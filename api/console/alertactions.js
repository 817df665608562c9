// What people do with an alert: buttons for what its state and their role allow, each with its dialog.

import { send, session } from "./api.js";
import { ask, labelled } from "./dialog.js";
import { h } from "./dom.js";
import { inLanguage, t } from "./i18n.js";

const LIVE = ["open", "acknowledged", "suppressed"];
const STAFF = ["admin", "operator"];
const ACTIONS = {
  acknowledge: { states: ["open"], roles: [...STAFF, "enterprise"] },
  assign: { states: LIVE, roles: STAFF, assignee: true },
  comment: { states: [...LIVE, "resolved", "dismissed"], roles: [...STAFF, "enterprise"], must: "note" },
  resolve: { states: LIVE, roles: STAFF },
  dismiss: { states: [...LIVE, "resolved"], roles: STAFF, must: "reason", exception: true },
};

/** A button for one action, or null where it is not possible. */
export function actionButton(row, name, done) {
  const action = ACTIONS[name];
  if (!action.states.includes(row.state) || !action.roles.includes(session.who?.role)) return null;
  return h("button", { class: "button", type: "button", dataset: { focus: `${name}:${row.id}`, action: name }, onclick: () => begin(row, name, done) }, t(`act.${name}`));
}

/** Buttons for all that is possible but acknowledging, which stands in the row. */
export function furtherButtons(row, done) {
  return h("div", { class: "acts" }, Object.keys(ACTIONS).map((name) => name !== "acknowledge" && actionButton(row, name, done)));
}

function begin(row, name, done) {
  const action = ACTIONS[name];
  const text = h("textarea", { rows: 3, maxlength: 2000, id: "said", required: Boolean(action.must) });
  const assignee = action.assignee && h("input", { type: "text", id: "assignee", maxlength: 64, value: row.assignee || session.who.name });
  const until = action.exception && h("input", { type: "date", id: "until" });
  const body = () => ({
    [action.must === "reason" ? "reason" : "note"]: text.value.trim(),
    ...(assignee && { assignee: assignee.value.trim() }),
    ...(until?.value && { except_until: new Date(`${until.value}T23:59:59`).toISOString() }),
  });
  ask({
    title: t(`act.${name}`),
    about: h("p", {}, inLanguage(row)),
    fields: [
      ...(assignee ? labelled(t("alerts.assignee"), assignee) : []),
      ...labelled(t(action.must ? `alerts.${action.must}` : "alerts.noteoptional"), text),
      ...(until ? labelled(t("alerts.exceptuntil"), until) : []),
    ],
    act: () => send("POST", `/v1/alerts/${row.id}/${name}`, body()),
    done,
  });
}
