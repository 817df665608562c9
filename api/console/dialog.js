// A question that needs an answer before something is done.

import { fill, h } from "./dom.js";
import { t } from "./i18n.js";
import { failed } from "./parts.js";

/** An input with its label; the input needs an id. */
export function labelled(text, input) {
  return [h("label", { for: input.id }, text), input];
}

/** Say at each input of a form (by its id) what is wrong with it; what is left of the problem, null if nothing is. */
export function atInputs(form, problem) {
  form.querySelectorAll(".wrong").forEach((each) => each.remove());
  form.querySelectorAll("[aria-invalid]").forEach((each) => each.removeAttribute("aria-invalid"));
  const left = (problem?.errors ?? []).filter(({ field, message }) => {
    const input = form.querySelector(`#${CSS.escape(field)}`);
    if (!input) return true;
    const said = h("span", { class: "wrong", id: `${field}-wrong` }, message);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", said.id);
    input.after(said);
    return false;
  });
  form.querySelector("[aria-invalid]")?.focus();
  return problem && (left.length || !problem.errors.length) ? problem : null;
}

/** Ask for `fields`, then `act`; it stays open, with the problem in the server's words, while that does not work. */
export function ask({ title, about, fields, act, done }) {
  const said = h("div");
  const dialog = h("dialog", { "aria-labelledby": "ask", onclose: () => dialog.remove() },
    h("form", { method: "dialog", onsubmit: submit }, h("h2", { id: "ask" }, title), about, fields, said,
      h("div", { class: "actions" }, h("button", { class: "button", type: "button", onclick: () => dialog.close() }, t("dialog.cancel")), h("button", { class: "button primary", type: "submit" }, title))));
  async function submit(event) {
    event.preventDefault();
    const blank = [...event.target.elements].find((each) => each.required && !each.value.trim());
    if (blank) {
      blank.value = "";
      return blank.reportValidity();
    }
    try {
      await act();
    } catch (error) {
      if (error.status === undefined) throw error;
      return fill(said, failed(error));
    }
    dialog.close();
    return done();
  }
  document.body.append(dialog);
  dialog.showModal();
}
