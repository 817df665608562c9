// Who is told of alerts and what became of it; maintenance windows and exceptions, which hold alerts back.

import { all, get, send } from "../api.js";
import { ask, labelled } from "../dialog.js";
import { atMostEvery, every, fill, h } from "../dom.js";
import { NOTHING, when } from "../format.js";
import { inLanguage, t } from "../i18n.js";
import { live } from "../live.js";
import { Table, badge, card, failed, into, ruleName, severityBadge } from "../parts.js";

const KINDS = ["webhook", "mail", "wecom", "dingtalk", "feishu"];
const SEVERITIES = ["critical", "warning", "info"];
const DIGESTS = ["immediately", "hourly", "daily"];
const STATES = { waiting: "warning", sent: "ok", given_up: "critical" };
const REFRESH_MS = 30_000;
const LOGGED = 50;
const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export default function notices(place, _, query, signal) {
  document.title = `${t("notices.title")} · ${t("app.name")}`;
  const [targets, held, log] = [h("div"), h("div"), h("div")];
  const result = h("div", { class: "muted", role: "status" });
  const enterprises = all("/v1/enterprises", {}, signal).catch(() => []); // only the dialogs need them
  const load = () => Promise.all([
    into(targets, async () => known.update((await get("/v1/targets", {}, signal)).items), signal),
    into(held, async () => holding.update(await all("/v1/suppressions", {}, signal)), signal),
    into(log, async () => sent.update((await get("/v1/notifications", { limit: LOGGED }, signal)).items), signal),
  ]);
  const [known, holding, sent] = [targetTable(load, result, enterprises), heldTable(load), logTable()];
  const button = (text, onclick) => h("button", { class: "button", type: "button", onclick }, text);
  fill(place, h("div", { class: "head" }, h("nav", { class: "crumbs", "aria-label": t("nav.crumbs") }, h("a", { href: "#/alerts" }, t("nav.alerts"))), h("h1", {}, t("notices.title"))),
    card(t("notices.targets"), [targets, result], button(t("notices.add"), async () => setTarget({}, await enterprises, load))),
    card(t("notices.held"), held, button(t("notices.plan"), async () => plan(await enterprises, load))),
    card(t("notices.log"), log));
  load();
  live.on("resumed", atMostEvery(1000, load, signal), signal);
  every(REFRESH_MS, load, signal);
}

function targetTable(load, result, enterprises) {
  const act = (row, name, go) => h("button", { class: "button", type: "button", dataset: { focus: `${name}:${row.name}`, action: name }, onclick: go }, t(`notices.${name}`));
  return new Table([
    { key: "name", label: t("notices.name"), class: "main-cell", value: (row) => row.name, cell: (row) => h("span", {}, row.name, h("span", { class: "muted under" }, `${t(`target.${row.kind}`)} · ${row.address}`)) },
    { key: "severity", label: t("notices.from"), cell: (row) => severityBadge(row.min_severity) },
    { key: "digest", label: t("notices.digest"), cell: (row) => digestText(row) },
    { key: "only", label: t("notices.only"), cell: (row) => [row.enterprise, row.escalations_only && t("notices.escalations")].filter(Boolean).join(t("word.comma")) || NOTHING },
    { key: "state", label: t("word.state"), cell: (row) => (row.enabled ? badge("ok", t("notices.enabled")) : badge("off", t("notices.disabled"))) },
    { key: "act", label: "", cell: (row) => h("div", { class: "acts" },
      row.enabled && act(row, "test", () => attempt(result, () => test(row, result), load)),
      act(row, "change", async () => setTarget(row, await enterprises, load)),
      row.enabled ? act(row, "disable", () => attempt(result, () => send("POST", `${path(row.name)}/disable`), load)) : act(row, "enable", () => attempt(result, () => send("PUT", path(row.name), {}), load))) },
  ], { sort: "name", key: (row) => row.name, none: t("notices.nobody") });
}

/** A time as the enterprise's clock shows it. */
const wall = (time) => time.slice(0, 16).replace("T", " ");
const path = (name) => `/v1/targets/${encodeURIComponent(name)}`;

/** Do it; where that does not work, `result` says why in the server's words. */
async function attempt(result, act, done) {
  try {
    fill(result);
    await act();
  } catch (error) {
    if (error.status === undefined) throw error;
    fill(result, failed(error));
  }
  done();
}

function digestText(row) {
  const [kind, time] = row.digest.split(" ");
  return time ? `${t("digest.daily")} ${time} (${row.zone})` : t(`digest.${kind}`);
}

async function test(row, result) {
  fill(result, t("notices.testing", { name: row.name }));
  const fate = await send("POST", `${path(row.name)}/test`);
  fill(result, `${row.name}: ${t(`tested.${fate.state}`)}`, fate.error && h("q", {}, fate.error));
}

const option = ([value, text], chosen) => h("option", { value, selected: value === chosen }, text);
const choice = (id, options, chosen) => h("select", { id }, options.map((each) => option(each, chosen)));
const line = (id, value, more = {}) => h("input", { type: "text", id, value: value ?? "", ...more });

function setTarget(row, enterprises, done) {
  const [digest, time] = (row.digest ?? "immediately").split(" ");
  const name = line("name", row.name, { required: true, maxlength: 64, disabled: Boolean(row.name) });
  const kind = choice("kind", KINDS.map((each) => [each, t(`target.${each}`)]), row.kind);
  const address = line("address", "", { required: !row.name, placeholder: row.address ?? "" });
  const secret = line("secret", "", { autocomplete: "off", placeholder: row.signed ? t("notices.kept") : "" });
  const severity = choice("severity", SEVERITIES.map((each) => [each, t(`severity.${each}`)]), row.min_severity ?? "warning");
  const rhythm = choice("digest", DIGESTS.map((each) => [each, t(`digest.${each}`)]), digest);
  const at = h("input", { type: "time", id: "at", value: time ?? "08:00" });
  const owner = choice("enterprise", [["", t("alerts.any")], ...enterprises.map((each) => [each.uscc, each.name])], row.enterprise ?? "");
  const language = choice("language", [["zh", "中文"], ["en", "English"]], row.language ?? "zh");
  const only = h("input", { type: "checkbox", id: "escalations", checked: Boolean(row.escalations_only) });
  const body = () => ({
    kind: kind.value,
    ...(address.value && { address: address.value.trim() }),
    ...(secret.value && { secret: secret.value.trim() }),
    min_severity: severity.value,
    digest: rhythm.value === "daily" ? `daily ${at.value}` : rhythm.value,
    zone: row.zone ?? browserZone(),
    enterprise: owner.value,
    language: language.value,
    escalations_only: only.checked,
  });
  const fields = [["name", name], ["kind", kind], ["address", address], ["secret", secret], ["from", severity], ["digest", rhythm], ["at", at], ["enterprise", owner], ["language", language], ["escalations", only]];
  ask({ title: t(row.name ? "notices.change" : "notices.add"), fields: fields.flatMap(([word, input]) => labelled(t(`notices.${word}`), input)), act: () => send("PUT", path(name.value.trim()), body()), done });
}

function heldTable(load) {
  return new Table([
    { key: "what", label: t("notices.what"), class: "main-cell", cell: (row) => h("span", {}, [row.enterprise, row.metering_point, row.address].filter(Boolean).join(" · "), h("span", { class: "muted under" }, t(`held.${row.kind}`), row.rule && ` · ${ruleName(row.rule)}`)) },
    { key: "from", label: t("word.from"), class: "nowrap", value: (row) => row.from, cell: (row) => wall(row.from) },
    { key: "to", label: t("word.to"), class: "nowrap", value: (row) => row.to, cell: (row) => wall(row.to) },
    { key: "reason", label: t("notices.reason"), cell: (row) => h("span", {}, row.reason, h("span", { class: "muted under" }, row.actor)) },
    { key: "act", label: "", cell: (row) => h("button", { class: "button", type: "button", dataset: { focus: `revoke:${row.id}`, action: "revoke" }, onclick: () => revoke(row, load) }, t("notices.revoke")) },
  ], { sort: "to", key: (row) => String(row.id), none: t("notices.nothingheld") });
}

function revoke(row, done) {
  const words = h("textarea", { rows: 3, maxlength: 2000, id: "reason", required: true });
  ask({ title: t("notices.revoke"), about: h("p", {}, row.reason), fields: labelled(t("notices.reason"), words), act: () => send("POST", `/v1/suppressions/${row.id}/revoke`, { reason: words.value.trim() }), done });
}

function plan(enterprises, done) {
  const owner = choice("enterprise", enterprises.map((each) => [each.uscc, each.name]));
  const [code, address] = [line("code"), line("address")];
  const [from, to] = ["from", "to"].map((id) => h("input", { type: "datetime-local", id, required: true }));
  const words = h("textarea", { rows: 3, maxlength: 2000, id: "reason", required: true });
  const instant = (input) => new Date(input.value).toISOString();
  const body = () => ({ enterprise: owner.value, address: address.value.trim(), metering_point: code.value.trim() || null, from: instant(from), to: instant(to), reason: words.value.trim() });
  const fields = [[t("word.enterprise"), owner], [t("notices.code"), code], [t("notices.gateway"), address], [t("word.from"), from], [t("word.to"), to], [t("notices.reason"), words]];
  ask({ title: t("notices.plan"), about: h("p", { class: "muted" }, t("notices.planhint", { zone: browserZone() })), fields: fields.flatMap((pair) => labelled(...pair)), act: () => send("POST", "/v1/suppressions", body()), done });
}

function logTable() {
  return new Table([
    { key: "said", label: t("notices.said"), class: "main-cell wide", cell: (row) => h("span", {}, inLanguage(row), row.last_error && h("span", { class: "muted under" }, row.last_error)) },
    { key: "target", label: t("notices.name"), value: (row) => row.target, cell: (row) => row.target },
    { key: "created", label: t("word.time"), class: "nowrap", value: (row) => row.created, cell: (row) => when(row.created, browserZone()) },
    { key: "state", label: t("word.state"), value: (row) => row.state, cell: (row) => badge(STATES[row.state], t(`delivery.${row.state}`)) },
    { key: "attempts", label: t("notices.attempts"), class: "num", value: (row) => row.attempts, cell: (row) => String(row.attempts) },
  ], { sort: "created", down: true, key: (row) => String(row.id), none: t("notices.nothing") });
}
