// One alert rule: its thresholds by scope, and what others would have raised before they are set.

import { Problem, all, get, send, session } from "../api.js";
import { ask } from "../dialog.js";
import { fill, h } from "../dom.js";
import { carrierCodes, carrierName, inLanguage, language, t } from "../i18n.js";
import { Table, card, failed, into, ruleName, select } from "../parts.js";
import { bounds, figure, inputs, onBadge, order, parse, scopeName, unverified, write } from "../thresholds.js";
import { trial } from "./trial.js";

const STAFF = ["admin", "operator"];
const DAYS = [7, 14, 30, 60, 90];

export default function rule(place, [name], query, signal) {
  const head = h("div", { class: "head" });
  fill(place, head);
  into(head, async () => {
    const [{ items }, enterprises] = await Promise.all([get("/v1/rules", {}, signal), all("/v1/enterprises", {}, signal)]);
    const about = items.find((each) => each.name === name);
    if (!about) throw new Problem(404, { title: t("rules.unknown", { name }) });
    document.title = `${ruleName(name)} · ${t("app.name")}`;
    build(place, about, enterprises, signal);
    return heading(about);
  }, signal);
}

function heading(about) {
  return [
    h("nav", { class: "crumbs", "aria-label": t("nav.crumbs") }, h("a", { href: "#/rules" }, t("nav.rules"))),
    h("h1", {}, ruleName(about.name)),
    h("p", {}, about[`about_${language}`]),
    h("div", { class: "facts" }, onBadge(about), h("span", {}, t(`rules.period.${about.period}`)), unverified(about), about.source && h("span", { class: "muted" }, about.source)),
  ];
}

function build(place, about, enterprises, signal) {
  const figures = figureTable(about);
  if (!about.thresholds.length) return place.append(card(t("rules.thresholds"), h("p", { class: "muted" }, t("rules.nothresholds"))));
  const set = h("div");
  const may = STAFF.includes(session.who?.role);
  const path = `/v1/rules/${about.name}/thresholds`;
  const load = () => into(set, async () => settings.update((await all(path, {}, signal)).sort((a, b) => order(a.scope).localeCompare(order(b.scope)))), signal);
  const form = may && trying(about, enterprises, load, signal);
  const settings = settingTable(about, enterprises, may && { change: form.take, remove: (row) => remove(about, row, enterprises, load) });
  place.append(card(t("rules.thresholds"), figures), card(t("rules.set"), set));
  if (form) place.append(form.element);
  load();
}

function figureTable(about) {
  return new Table([
    { key: "text", label: t("rules.threshold"), class: "main-cell", cell: (row) => inLanguage(row) },
    { key: "default", label: t("rules.default"), class: "nowrap", cell: (row) => figure(row, row.default) },
    { key: "holds", label: t("rules.everybody"), class: "nowrap", cell: (row) => figure(row, about.effective[row.key]) },
    { key: "bounds", label: t("rules.bounds"), class: "nowrap", cell: (row) => bounds(row) },
  ]).update(about.thresholds);
}

function settingTable(about, enterprises, acts) {
  const lines = (row, values) => about.thresholds.filter(({ key }) => key in values).map((one) => h("span", { class: "under" }, `${inLanguage(one)}${t("word.colon")}${figure(one, values[one.key])}`));
  const button = (row, name) => h("button", { class: "button", type: "button", dataset: { focus: `${name}:${row.scope}`, action: name }, onclick: () => acts[name](row) }, t(`rules.${name}`));
  return new Table([
    { key: "scope", label: t("rules.scope"), class: "main-cell", cell: (row) => h("span", {}, scopeName(row.scope, enterprises), row.scope !== "default" && h("span", { class: "muted under" }, t(`scope.${parse(row.scope).kind}`))) },
    { key: "set", label: t("rules.sethere"), cell: (row) => h("span", {}, lines(row, row.set)) },
    { key: "holds", label: t("rules.holds"), cell: (row) => h("span", { class: "muted" }, lines(row, row.effective)) },
    ...(acts ? [{ key: "act", label: "", cell: (row) => h("div", { class: "acts" }, button(row, "change"), button(row, "remove")) }] : []),
  ], { key: (row) => row.scope, none: t("rules.nothingset") });
}

function remove(about, row, enterprises, done) {
  ask({
    title: t("rules.remove"),
    about: h("p", {}, t("rules.removeabout", { scope: scopeName(row.scope, enterprises) })),
    fields: [],
    act: () => send("DELETE", `/v1/rules/${about.name}/thresholds/${encodeURI(row.scope)}`),
    done,
  });
}

/** Where thresholds are entered, tried and set. `take(row)` begins with what a scope has. */
function trying(about, enterprises, done, signal) {
  const [bar, fields, said, result] = [h("div", { class: "filters" }), h("div", { class: "entries" }), h("div"), h("div")];
  const chosen = { kind: "default", of: "", code: "" };
  let [days, points, entered, tried] = [30, [], { read: () => ({}) }, null];

  const path = () => `/v1/rules/${about.name}/thresholds/${encodeURI(write(chosen))}`;
  const complete = () => chosen.kind === "default" || (chosen.of && (chosen.kind !== "point" || chosen.code));
  const draw = () => fill(bar, scopeChoices(chosen, enterprises, points, choose),
    select(t("rules.days"), DAYS.map((each) => [String(each), t("time.d", { n: each })]), String(days), (value) => { days = Number(value); }));
  const load = () => {
    [said, result].forEach((each) => fill(each));
    tried = null;
    if (!complete()) return fill(fields, h("p", { class: "muted" }, t("rules.choosescope")));
    const asked = write(chosen);
    return into(fields, async () => {
      const { set, effective } = await get(path(), {}, signal);
      if (asked !== write(chosen)) return undefined;
      entered = inputs(about.thresholds, set, effective);
      return entered.elements;
    }, signal);
  };
  const choose = async (change) => {
    Object.assign(chosen, "kind" in change ? { of: "", code: "" } : "of" in change ? { code: "" } : {}, change);
    if (chosen.kind === "point" && "of" in change && chosen.of) points = await all("/v1/metering-points", { enterprise: chosen.of }, signal).catch(() => []); // none to choose from
    draw();
    fill(fields);
    load();
  };
  const run = () => {
    const asked = { scope: write(chosen), thresholds: entered.read(), days };
    fill(said);
    fill(result);
    return into(result, async () => {
      const found = await send("POST", `/v1/rules/${about.name}/dry-run`, asked);
      tried = { asked: JSON.stringify(asked.thresholds), found };
      return trial(found, enterprises, signal);
    }, signal);
  };
  const put = () => {
    const body = entered.read();
    if (!Object.keys(body).length) return fill(said, failed(new Problem(422, { title: t("rules.nothingentered") })));
    fill(said);
    return confirm({ about, body, scope: scopeName(write(chosen), enterprises), found: tried?.asked === JSON.stringify(body) ? tried.found : null, act: () => send("PUT", path(), body), done: () => { done(); load(); } });
  };
  const button = (text, act, primary) => h("button", { class: primary ? "button primary" : "button", type: "submit", onclick: (event) => { event.target.form.reportValidity() && complete() && act(); event.preventDefault(); } }, text);
  const element = card(t("rules.try"), h("form", { class: "side" }, h("p", { class: "muted note" }, t("rules.tryabout")), bar, fields, h("div", { class: "acts" }, button(t("rules.dryrun"), run, true), button(t("rules.enable"), put)), said, result));
  draw();
  load();
  return { element, take: async (row) => { Object.assign(chosen, parse(row.scope)); await choose(chosen.kind === "point" ? { of: chosen.of, code: chosen.code } : {}); element.scrollIntoView({ block: "nearest" }); } };
}

function scopeChoices(chosen, enterprises, points, choose) {
  const pick = ["", t("rules.pick")];
  const owners = [pick, ...enterprises.map((each) => [each.uscc, each.name])];
  return [
    select(t("rules.scope"), ["default", "carrier", "enterprise", "point"].map((kind) => [kind, t(`scope.${kind}`)]), chosen.kind, (kind) => choose({ kind })),
    chosen.kind === "carrier" && select(t("word.carrier"), [pick, ...carrierCodes().map((code) => [code, carrierName(code)])], chosen.of, (of) => choose({ of })),
    ["enterprise", "point"].includes(chosen.kind) && select(t("word.enterprise"), owners, chosen.of, (of) => choose({ of })),
    chosen.kind === "point" && select(t("word.point"), [pick, ...points.map((each) => [each.code, `${each.code} ${each.name}`])], chosen.code, (code) => choose({ code })),
  ];
}

function confirm({ about, body, scope, found, act, done }) {
  const lines = about.thresholds.filter(({ key }) => key in body).map((one) => h("li", {}, `${inLanguage(one)}${t("word.colon")}${figure(one, body[one.key])}`));
  const said = found ? t("rules.outcome", { ...found, days: Math.round((Date.parse(found.to) - Date.parse(found.from)) / 86_400_000) }) : t("rules.nottried");
  ask({ title: t("rules.enable"), about: [h("p", {}, scope), h("ul", {}, lines), h("p", { class: "muted" }, said)], fields: [], act, done });
}
