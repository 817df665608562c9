// What people do with an alert: buttons for what its state and their role allow, each with its dialog.

import { send, session } from "./api.js";
import { fill, h } from "./dom.js";
import { inLanguage, t } from "./i18n.js";
import { failed } from "./parts.js";

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
  return h("button", { class: "button", type: "button", dataset: { focus: `${name}:${row.id}`, action: name }, onclick: () => ask(row, name, done) }, t(`act.${name}`));
}

/** Buttons for all that is possible but acknowledging, which stands in the row. */
export function furtherButtons(row, done) {
  return h("div", { class: "acts" }, Object.keys(ACTIONS).map((name) => name !== "acknowledge" && actionButton(row, name, done)));
}

function ask(row, name, done) {
  const action = ACTIONS[name];
  const text = h("textarea", { rows: 3, maxlength: 2000, id: "said", required: Boolean(action.must) });
  const assignee = action.assignee && h("input", { type: "text", id: "assignee", maxlength: 64, value: row.assignee || session.who.name });
  const until = action.exception && h("input", { type: "date", id: "until" });
  const said = h("div");
  const dialog = h("dialog", { "aria-labelledby": "ask", onclose: () => dialog.remove() },
    h("form", { method: "dialog", onsubmit: submit }, h("h2", { id: "ask" }, t(`act.${name}`)), h("p", {}, inLanguage(row)),
      assignee && [h("label", { for: "assignee" }, t("alerts.assignee")), assignee],
      h("label", { for: "said" }, t(action.must ? `alerts.${action.must}` : "alerts.noteoptional")), text,
      until && [h("label", { for: "until" }, t("alerts.exceptuntil")), until],
      said,
      h("div", { class: "actions" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, t("alerts.cancel")), h("button", { class: "button primary", type: "submit" }, t(`act.${name}`)))));
  async function submit(event) {
    event.preventDefault();
    try {
      await send("POST", `/v1/alerts/${row.id}/${name}`, body());
      dialog.close();
      done();
    } catch (error) {
      if (error.status === undefined) throw error;
      fill(said, failed(error));
    }
  }
  function body() {
    const words = { [action.must === "reason" ? "reason" : "note"]: text.value.trim() };
    if (assignee) words.assignee = assignee.value.trim();
    if (until?.value) words.except_until = new Date(`${until.value}T23:59:59`).toISOString();
    return words;
  }
  document.body.append(dialog);
  dialog.showModal();
}
