// Keys that do something on a page, and the list of them.

import { h } from "./dom.js";
import { t } from "./i18n.js";

const TYPED_IN = "input:not([type=checkbox]), select, textarea";

/** Call the action of a pressed key ({key: action}) until `signal` aborts; not while something is typed or asked. */
export function keys(actions, signal) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key !== "j" && event.key !== "k") return;
    if (document.querySelector("dialog[open]") || event.target.closest(TYPED_IN)) return;
    const action = actions[event.key];
    if (!action || (event.key === "Enter" && event.target.closest("button, summary"))) return;
    event.preventDefault();
    action();
  }, { signal });
}

/** Show what the keys do: names of texts by key. */
export function showKeys(texts) {
  const rows = Object.entries(texts).flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(text))]);
  const dialog = h("dialog", { "aria-labelledby": "keys", onclose: () => dialog.remove() },
    h("form", { method: "dialog" }, h("h2", { id: "keys" }, t("keys.title")), h("dl", { class: "keys" }, rows), h("div", { class: "actions" }, h("button", { class: "button primary", type: "submit" }, t("lineage.close")))));
  document.body.append(dialog);
  dialog.showModal();
}

/** A button for it, for those who have a mouse. */
export const keysButton = (texts) => h("button", { class: "button quiet desk-only", type: "button", onclick: () => showKeys(texts) }, h("kbd", {}, "?"), " ", t("keys.title"));
