// Sign-in: one field for the key.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { failed } from "../parts.js";

export default function signIn({ languages, problem, enter }) {
  const said = h("div", {}, problem && failed(problem));
  const key = h("input", { type: "password", name: "key", id: "key", autocomplete: "current-password", required: true, autofocus: true, spellcheck: "false" });
  const button = h("button", { class: "button primary", type: "submit" }, t("signin.enter"));
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await enter(key.value.trim());
    } catch (error) {
      if (error.status === undefined) throw error;
      fill(said, failed(error));
      key.select();
    } finally {
      button.disabled = false;
    }
  };
  return h("main", { class: "signin" },
    h("form", { class: "card", onsubmit: submit },
      h("div", { class: "brand" }, h("img", { src: "./icon.svg", alt: "", width: 40, height: 40 }), h("h1", {}, t("app.name"))),
      h("p", { class: "muted" }, t("app.what")),
      h("label", { for: "key" }, t("signin.key")), key, button, said,
      h("p", { class: "muted hint" }, t("signin.hint"))),
    languages);
}
