// Alert rules: what each says, how often it looks, whether it is on, and where its thresholds are set.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { inLanguage, language, t } from "../i18n.js";
import { Table, card, into, ruleName } from "../parts.js";
import { figure, isOn, onBadge, unverified } from "../thresholds.js";

const PERIODS = ["at once", "hour", "day"];

export default function rules(place, _, query, signal) {
  document.title = `${t("nav.rules")} · ${t("app.name")}`;
  const list = h("div");
  const table = ruleTable();
  fill(place, h("div", { class: "head" }, h("h1", {}, t("nav.rules")), h("p", { class: "muted" }, t("rules.about"))), card(t("rules.list"), list));
  into(list, async () => table.update((await get("/v1/rules", {}, signal)).items), signal);
}

function ruleTable() {
  return new Table([
    { key: "name", label: t("alerts.rule"), class: "main-cell wide", cell: (row) => h("span", {}, h("a", { href: `#/rules/${row.name}` }, ruleName(row.name)), unverified(row), h("span", { class: "muted under" }, row[`about_${language}`])) },
    { key: "period", label: t("rules.period"), class: "nowrap", value: (row) => PERIODS.indexOf(row.period), cell: (row) => t(`rules.period.${row.period}`) },
    { key: "on", label: t("word.state"), class: "nowrap", value: (row) => Number(isOn(row)), cell: onBadge },
    { key: "figures", label: t("rules.everybody"), class: "desk", cell: (row) => row.thresholds.filter(({ key }) => key !== "enabled").map((one) => h("span", { class: "under" }, `${inLanguage(one)}${t("word.colon")}${figure(one, row.effective[one.key])}`)) },
    { key: "settings", label: t("rules.settings"), class: "num", value: (row) => row.settings, cell: (row) => String(row.settings) },
  ], { key: (row) => row.name });
}
