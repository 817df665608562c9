// What people do with a gap: buttons for what its plan and one's role allow, each with its dialog.

import { pointPath, send, session } from "./api.js";
import { ask, labelled } from "./dialog.js";
import { h } from "./dom.js";
import { when } from "./format.js";
import { t } from "./i18n.js";

const STAFF = ["admin", "operator"];
const ACTIONS = {
  estimate: { roles: STAFF, step: "estimate", said: "reason", must: true },
  accept: { roles: STAFF, step: "accept", said: "reason", must: true },
  assign: { roles: STAFF, said: "note", assignee: true },
  comment: { roles: [...STAFF, "enterprise"], said: "note", must: true },
};

/** Buttons for all that can be done with a gap, given with its plan; `step`: only for this one of the plan. */
export function gapButtons(gap, done, step) {
  const steps = gap.plan.filter(({ possible }) => possible).map((each) => each.step);
  return Object.entries(ACTIONS)
    .filter(([, action]) => action.step === step && action.roles.includes(session.who?.role) && (!action.step || steps.includes(action.step)))
    .map(([name]) => h("button", { class: "button", type: "button", dataset: { focus: `${name}:${gap.id}`, action: name }, onclick: () => begin(gap, name, done) }, t(`act.${name}`)));
}

function begin(gap, name, done) {
  const action = ACTIONS[name];
  const text = h("textarea", { rows: 3, maxlength: 2000, id: "said", required: Boolean(action.must) });
  const assignee = action.assignee && h("input", { type: "text", id: "assignee", maxlength: 64, value: gap.assignee || session.who.name });
  const body = () => ({ [action.said]: text.value.trim(), ...(assignee && { assignee: assignee.value.trim() }) });
  ask({
    title: t(`act.${name}`),
    about: h("p", {}, `${gap.enterprise} · ${gap.metering_point} ${gap.name} · ${when(gap.from, gap.zone)}`),
    fields: [
      ...(assignee ? labelled(t("alerts.assignee"), assignee) : []),
      ...labelled(t(action.must ? `said.${name}` : "alerts.noteoptional"), text),
    ],
    act: () => (name === "estimate" ? estimate(gap, body().reason) : send("POST", `/v1/gaps/${gap.id}/${name}`, body())),
    done,
  });
}

/** The edits of the plan, one for each register. */
async function estimate(gap, reason) {
  const { edits } = gap.plan.find(({ step }) => step === "estimate");
  for (const edit of edits) await send("POST", `${pointPath(gap.uscc, gap.metering_point)}/edits`, { ...edit, reason });
}
