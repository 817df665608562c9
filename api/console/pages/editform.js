// The form in which an edit is entered or a verdict overruled: what it would change is seen before it is put in force.

import { pointPath, send } from "../api.js";
import { atInputs } from "../dialog.js";
import { fill, h } from "../dom.js";
import { unitText, when } from "../format.js";
import { inLanguage, t, tOr } from "../i18n.js";
import { failed, into } from "../parts.js";
import { instant, iso } from "../time.js";
import { outcome } from "./outcome.js";

const OVERRULES = ["accept", "exclude", "rollover", "reset"];
const ACTIONS = [...OVERRULES, "set", "estimate"];
const AT_ONE_READING = ["reset", "rollover"];
const WITH_AMOUNT = ["set", "rollover"];

/** `verdict`: the one to be overruled; otherwise range and quantity are asked for. */
export function editForm(item, verdict, { done, close, signal }) {
  const registers = item.points.filter(({ kind }) => kind === "register");
  const path = verdict ? `/v1/verdicts/${verdict.id}/overrule` : `${pointPath(item.uscc, item.code)}/edits`;
  const [said, result] = [h("div"), h("div")];
  const box = {
    action: h("select", { id: "action", onchange: () => adapt() }, (verdict ? OVERRULES : ACTIONS).map((name) => h("option", { value: name }, t(`edit.${name}`)))),
    quantity: h("select", { id: "quantity" }, registers.map((each) => h("option", { value: each.quantity }, inLanguage(each)))),
    from: h("input", { type: "datetime-local", id: "from", step: 1, required: !verdict }),
    to: h("input", { type: "datetime-local", id: "to", step: 1 }),
    amount: h("input", { type: "number", id: "amount", step: "any" }),
    reason: h("textarea", { rows: 2, id: "reason", maxlength: 2000 }),
  };
  const entries = Object.fromEntries(Object.entries(box).map(([name, input]) => [name, entry(name, input, name === "amount" ? unitText(registers[0]?.unit) : "")]));
  const hint = h("p", { class: "muted note" });
  const adapt = () => {
    const action = box.action.value;
    fill(hint, t(`edit.${action}.what`));
    entries.to.hidden = AT_ONE_READING.includes(action);
    entries.amount.hidden = !WITH_AMOUNT.includes(action);
    box.to.required = !verdict && !entries.to.hidden;
    box.amount.required = action === "set";
    fill(result);
  };
  const wish = () => ({
    action: box.action.value,
    ...(!verdict && { quantity: box.quantity.value, from: moment(box.from.value, item.zone) }),
    ...(!verdict && !entries.to.hidden && { to: moment(box.to.value, item.zone) }),
    ...(!entries.amount.hidden && box.amount.value !== "" && { amount: Number(box.amount.value) }),
  });
  const attempt = async (act) => {
    fill(said);
    atInputs(form, null);
    try {
      await act();
    } catch (error) {
      if (error.status === undefined) throw error;
      const left = atInputs(form, error);
      fill(said, left && failed(left));
    }
  };
  const preview = () => attempt(async () => {
    fill(result);
    const found = await send("POST", `${path}/preview`, wish());
    await into(result, async () => outcome(found, { item, signal }), signal);
  });
  const make = () => attempt(async () => {
    await send("POST", path, { ...wish(), reason: box.reason.value.trim() });
    done();
  });
  const button = (text, act, primary) => h("button", { class: primary ? "button primary" : "button", type: "submit", onclick: (event) => {
    event.preventDefault();
    box.reason.required = act === make;
    if (form.reportValidity()) act();
  } }, text);
  const about = verdict && h("p", {}, t("edits.about", { kind: tOr(`verdict.${verdict.kind}`, verdict.kind), from: when(verdict.from, item.zone), to: when(verdict.to, item.zone) }));
  const asked = verdict ? ["action", "amount"] : ["action", "quantity", "from", "to", "amount"];
  const form = h("form", { class: "side panel" }, h("h3", {}, t(verdict ? "edits.overrule" : "edits.make")), about,
    h("div", { class: "entries" }, asked.map((name) => entries[name]), h("div", { class: "entry broad" }, hint), entries.reason), said,
    h("div", { class: "acts" }, button(t("edits.preview"), preview, true), button(t("edits.putinforce"), make), h("button", { class: "button quiet", type: "button", onclick: close }, t("dialog.cancel"))), result);
  adapt();
  return form;
}

function entry(name, input, unit) {
  return h("div", { class: name === "reason" ? "entry broad" : "entry" }, h("label", { for: name }, t(`edits.${name}`), unit && ` (${unit})`), input);
}

/** What the input shows, on the zone's clock. */
function moment(text, zone) {
  return iso(instant(Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`), zone), zone);
}
