// The instrument register: filters, the list with verifications, files; of one enterprise also how well it is equipped.

import { all, get } from "../api.js";
import { fill, h } from "../dom.js";
import { NOTHING, number } from "../format.js";
import { carrierName, inLanguage, language, t } from "../i18n.js";
import { Table, badge, card, into, select, tile } from "../parts.js";

const STATES = ["qualified", "limited", "out_of_use"];
const DUE = ["0", "30", "90"];
const LEVELS = ["1", "2", "3"];
const SOON_DAYS = 30;
const MOST = 5000;

export default function instruments(place, _, query, signal) {
  document.title = `${t("nav.instruments")} · ${t("app.name")}`;
  const filters = Object.fromEntries(["enterprise", "level", "state", "due_within"].map((name) => [name, query.get(name) ?? ""]));
  const bar = h("div", { class: "filters" });
  const files = h("div", { class: "tools" });
  const list = h("div");
  const equipped = h("div");
  const table = register();
  let enterprises = [];

  const load = () => {
    const before = JSON.stringify(filters);
    const mine = (found) => (before === JSON.stringify(filters) ? found : undefined);
    fill(files, ["xlsx", "csv"].map((form) => h("a", { class: "button", href: `/v1/instruments.${form}?${asked(filters)}`, download: true }, form.toUpperCase())));
    into(list, async () => mine(table.update(await all("/v1/instruments", filters, signal, MOST))), signal);
    fill(equipped);
    if (filters.enterprise) into(equipped, async () => mine(equipping(await get(`/v1/enterprises/${filters.enterprise}/equipping`, {}, signal))), signal);
  };
  const choose = (change) => {
    Object.assign(filters, change);
    history.replaceState(null, "", `#/instruments?${asked(filters)}`);
    draw();
    fill(list);
    load();
  };
  const draw = () => fill(bar, choices(filters, enterprises, choose));

  fill(place, h("div", { class: "head" }, h("h1", {}, t("nav.instruments"))), bar, equipped, card(t("instruments.list"), list, files));
  draw();
  load();
  all("/v1/enterprises", {}, signal).then((found) => {
    enterprises = found;
    draw();
  }, () => {}); // the list itself shows what is wrong
}

function asked(filters) {
  return new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
}

function choices(filters, enterprises, choose) {
  const any = ["", t("alerts.any")];
  return [
    select(t("word.enterprise"), [any, ...enterprises.map((each) => [each.uscc, each.name])], filters.enterprise, (enterprise) => choose({ enterprise })),
    select(t("word.level"), [any, ...LEVELS.map((level) => [level, t(`gblevel.${level}`)])], filters.level, (level) => choose({ level })),
    select(t("word.state"), [any, ...STATES.map((state) => [state, t(`instrument.${state}`)])], filters.state, (state) => choose({ state })),
    select(t("instruments.due"), [any, ...DUE.map((days) => [days, t(`due.${days}`)])], filters.due_within, (days) => choose({ due_within: days })),
  ];
}

function register() {
  return new Table([
    { key: "code", label: t("word.meter"), class: "main-cell", value: (row) => row.code, cell: (row) => h("span", {}, row.name || kind(row), h("span", { class: "muted under" }, [row.code, row.maker, row.model].filter(Boolean).join(" · "))) },
    { key: "enterprise", label: t("word.enterprise"), class: "named", value: (row) => row.enterprise, cell: (row) => h("a", { href: `#/enterprises/${row.uscc}` }, row.enterprise) },
    { key: "at", label: t("word.point"), value: (row) => row.metering_point, cell: where },
    { key: "class", label: t("instruments.class"), class: "nowrap", value: (row) => row.accuracy_class, cell: (row) => row.accuracy_class || NOTHING },
    { key: "certificate", label: t("instruments.certificate"), value: (row) => row.certificate, cell: (row) => row.certificate || NOTHING },
    { key: "until", label: t("instruments.until"), class: "nowrap", value: (row) => row.verified_until, cell: verified },
    { key: "state", label: t("word.state"), value: (row) => row.state, cell: (row) => t(`instrument.${row.state}`) },
  ], { sort: "until", key: (row) => `${row.uscc}/${row.code}`, none: t("instruments.none") });
}

const kind = (row) => (language === "zh" ? row.category_zh : row.category_en);

function where(row) {
  if (!row.metering_point) return h("span", { class: "muted" }, t("instruments.nowhere"));
  const href = `#/metering-points/${row.uscc}/${encodeURIComponent(row.metering_point)}`;
  return h("span", {}, h("a", { href }, row.metering_point_name), h("span", { class: "muted under" }, `${row.metering_point} · ${carrierName(row.carrier)} · ${t("word.leveln", { n: row.level })}`));
}

function verified(row) {
  if (row.verification === "unknown") return badge("off", t("verification.unknown"));
  const state = row.verification === "expired" ? "critical" : row.days_left <= SOON_DAYS ? "warning" : "ok";
  const left = row.verification === "expired" ? t("verification.expired", { n: -row.days_left }) : t("verification.left", { n: row.days_left });
  return h("span", {}, badge(state, row.verified_until), h("span", { class: "muted under" }, left));
}

/** Equipping rates, accuracy classes and verification coverage of one enterprise. */
export function equipping(found) {
  const verification = found.verification;
  const note = found.edition.edition === found.edition.figures ? found.edition.edition : t("equipping.edition", { edition: found.edition.edition, figures: found.edition.figures });
  return card(t("equipping.title"), h("div", { class: "side" },
    h("div", { class: "tiles" },
      tile("coverage", t("equipping.coverage"), percent(verification.coverage), t("equipping.counts", { total: verification.total, expired: verification.expired, unknown: verification.unknown }), verification.expired ? "critical" : undefined),
      tile("unequipped", t("equipping.unequipped"), String(found.unequipped.length), found.unequipped.slice(0, 3).map((row) => row.code).join(" "), found.unequipped.length ? "warning" : "ok")),
    rates(found.rates),
    h("p", { class: "muted note" }, note)));
}

const percent = (value) => (value === null ? NOTHING : `${number(value)} %`);

function rates(rows) {
  return new Table([
    { key: "energy", label: t("word.carrier"), class: "main-cell", cell: inLanguage },
    { key: "level", label: t("word.level"), cell: (row) => t(`gblevel.${row.level}`) },
    { key: "needed", label: t("equipping.needed"), class: "num", cell: (row) => String(row.needed) },
    { key: "installed", label: t("equipping.installed"), class: "num", cell: (row) => String(row.installed) },
    { key: "rate", label: t("equipping.rate"), class: "num", cell: (row) => percent(row.rate) },
    { key: "demanded", label: t("equipping.demanded"), class: "num", cell: (row) => percent(row.demanded) },
    { key: "meets", label: t("word.state"), cell: (row) => (row.meets ? badge("ok", t("equipping.meets")) : badge("critical", t("equipping.fails"))) },
    { key: "verified", label: t("equipping.sure"), cell: (row) => t(`sure.${row.verified}`) },
  ], { key: (row) => `${row.energy}:${row.level}`, none: t("equipping.none") }).update(rows);
}
