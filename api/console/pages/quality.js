// How good data are, day by day of a month: enterprises, or the metering points of one, and the indices of authorities.

import { all, download, get, session } from "../api.js";
import { fill, h } from "../dom.js";
import { NOTHING, number, percent } from "../format.js";
import { heatLegend, heatmap } from "../heatmap.js";
import { inLanguage, language, t } from "../i18n.js";
import { Table, badge, card, empty, failed, into, segments, select } from "../parts.js";
import { bounds, iso, local } from "../time.js";

const ZONE = "Asia/Shanghai"; // days are those of each enterprise's zone; only the month's ends are told in this one
const ENTERPRISES = 50; // on a page of the answer, which may tell of 400,000 days of metering points
const LESS_IS_BETTER = new Set(["estimated_share", "edited_share"]);
const FIGURES = ["completeness", "timeliness", "plausibility", "estimated_share", "edited_share"];

export default function quality(place, _, query, signal) {
  document.title = `${t("quality.title")} · ${t("app.name")}`;
  const own = session.who.role === "enterprise" ? session.who.scope : "";
  const now = local(Date.now(), ZONE).slice(0, 7);
  const choice = { enterprise: own || (query.get("enterprise") ?? ""), month: valid(query.get("month")) ?? now, day: query.get("day") ?? "", figure: FIGURES.includes(query.get("figure")) ? query.get("figure") : FIGURES[0] };
  const bar = h("div", { class: "filters" });
  const grid = h("div");
  const indices = h("div");
  const table = indexTable();
  let enterprises = [];
  let answer;

  const draw = () => fill(bar, choices(choice, now, own ? [] : enterprises, choose));
  const show = () => picture(answer, choice, enterprises);
  const load = () => {
    const asked = JSON.stringify([choice.enterprise, choice.month]);
    const mine = (found) => (asked === JSON.stringify([choice.enterprise, choice.month]) ? found : undefined);
    fill(grid);
    into(grid, async () => {
      const found = await days(choice, signal);
      answer = mine(found) ?? answer;
      return mine(found) && show();
    }, signal);
    into(indices, async () => mine(table.update((await get("/v1/quality/indices", { enterprise: choice.enterprise, month: choice.month }, signal)).items)), signal);
  };
  const choose = (change) => {
    Object.assign(choice, change);
    history.replaceState(null, "", `#/quality?${asking(choice)}`);
    draw();
    if ("figure" in change) fill(grid, show());
    else load();
  };
  const csv = h("button", { class: "button quiet", type: "button", onclick: () => download("/v1/quality", question(choice), `quality_${choice.enterprise || "all"}_${choice.month}.csv`).catch((error) => fill(grid, failed(error))) }, t("chart.csv"));

  fill(place, h("div", { class: "head" }, h("nav", { class: "crumbs", "aria-label": t("nav.crumbs") }, h("a", { href: "#/" }, t("nav.overview"))), h("h1", {}, t("quality.title"))),
    bar, card(t("quality.days"), grid, csv), card(t("quality.indices"), [h("p", { class: "muted hint" }, t("quality.unverified")), indices]));
  draw();
  load();
  all("/v1/enterprises", {}, signal).then((found) => {
    enterprises = found;
    draw();
  }, () => {}); // the calendar itself shows what is wrong
}

const valid = (month) => (/^20\d\d-(0[1-9]|1[0-2])$/.test(month ?? "") ? month : undefined);

function asking(choice) {
  return new URLSearchParams(Object.entries(choice).filter(([name, value]) => value && !(name === "figure" && value === FIGURES[0])));
}

function moved(month, by) {
  const [year, number] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number - 1 + by, 1)).toISOString().slice(0, 7);
}

function lastDay(month) {
  const [year, number] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number, 0)).toISOString().slice(0, 10);
}

function choices(choice, now, enterprises, choose) {
  const to = (by) => ({ month: moved(choice.month, by), day: "" });
  const pick = h("input", { type: "month", value: choice.month, max: now, "aria-label": t("quality.month"), dataset: { focus: "month" }, onchange: () => valid(pick.value) && pick.value <= now && choose({ month: pick.value, day: "" }) });
  return [
    h("div", { class: "dates" },
      h("button", { class: "button", type: "button", "aria-label": t("quality.before"), dataset: { focus: "before" }, onclick: () => choose(to(-1)) }, "‹"), pick,
      h("button", { class: "button", type: "button", "aria-label": t("quality.after"), dataset: { focus: "after" }, disabled: choice.month >= now, onclick: () => choose(to(1)) }, "›")),
    enterprises.length ? select(t("word.enterprise"), [["", t("alerts.any")], ...enterprises.map((each) => [each.uscc, each.name])], choice.enterprise, (enterprise) => choose({ enterprise, day: "" })) : null,
    segments(t("quality.figure"), FIGURES.map((name) => [name, t(`quality.${name}`)]), choice.figure, (figure) => choose({ figure })),
  ];
}

function question({ enterprise, month }) {
  const { from, to } = bounds({ from: `${month}-01`, to: lastDay(month) }, ZONE);
  return { by: enterprise ? "metering_point" : "enterprise", each: "day", enterprise, from: iso(from, ZONE), to: iso(to, ZONE) };
}

/** Everybody's days of the month: the items of all pages, the labels, the formulas. */
async function days(choice, signal) {
  const found = { items: [] };
  let after;
  do {
    const page = await get("/v1/quality", { ...question(choice), limit: ENTERPRISES, after }, signal);
    Object.assign(found, { start: page.start, formulas: page.formulas });
    found.items.push(...page.items);
    after = page.next;
  } while (after);
  return found;
}

function picture(answer, choice, enterprises) {
  if (!answer.items.length) return empty(t("state.nothing"));
  const shown = answer.start.map((day, i) => [day, i]).filter(([day]) => day.startsWith(choice.month));
  const figure = answer.formulas.find(({ name }) => name === choice.figure);
  const detail = h("output", { class: "heat-told" }, t("quality.hint"));
  const rows = ranked(answer.items, figure, shown.find(([day]) => day === choice.day)?.[1]);
  const name = enterprises.find((each) => each.uscc === choice.enterprise)?.name;
  return h("div", {}, name ? h("p", {}, h("a", { href: `#/enterprises/${choice.enterprise}` }, name)) : null,
    h("div", { class: "tools" }, heatLegend(LESS_IS_BETTER.has(figure.name))), detail,
    heatmap({
      labels: shown.map(([day]) => day), corner: t(choice.enterprise ? "word.point" : "word.enterprise"), chosen: choice.day,
      told: (text) => fill(detail, text),
      rows: [together(answer.items, figure), ...rows].map((item) => line(item, figure, shown, choice)),
    }),
    h("details", { class: "numbers" }, h("summary", {}, t("quality.formulas")), h("dl", { class: "formulas" }, answer.formulas.flatMap((each) => [h("dt", {}, inLanguage(each)), h("dd", {}, each[`formula_${language}`])]))));
}

/** The worst first, over the month or on a day. */
function ranked(items, figure, day) {
  const worth = (item) => (day === undefined ? item[figure.name] : item.columns[figure.name][day]);
  const sign = LESS_IS_BETTER.has(figure.name) ? -1 : 1;
  return [...items].sort((a, b) => (worth(a) === null) - (worth(b) === null) || sign * (worth(a) - worth(b)));
}

/** All rows as one: the counts from which a figure is divided, added up. */
function together(items, { numerator, denominator }) {
  const sum = (name) => items[0].columns[name].map((_, i) => items.reduce((total, item) => total + item.columns[name][i], 0));
  return { key: "", name: t("quality.all"), columns: { [numerator]: sum(numerator), [denominator]: sum(denominator) } };
}

function line(item, figure, shown, choice) {
  const counts = (name) => shown.map(([, i]) => item.columns[name][i]);
  const [parts, wholes] = [counts(figure.numerator), counts(figure.denominator)];
  const sum = (numbers) => numbers.reduce((total, each) => total + each, 0);
  return {
    key: item.key, name: item.name || item.key, href: href(item, choice, ""),
    days: shown.map(([day], i) => cell(item, figure, parts[i], wholes[i], day, href(item, choice, day))),
    total: cell(item, figure, sum(parts), sum(wholes), choice.month),
  };
}

function cell(item, figure, part, whole, day, link) {
  const share = whole ? part / whole : null;
  const said = share === null ? t("quality.none") : t("quality.told", { share: percent(share), part: number(part), whole: number(whole) });
  return { share, less: LESS_IS_BETTER.has(figure.name), href: whole ? link : undefined, text: `${item.name || item.key} · ${day} · ${inLanguage(figure)} ${said}` };
}

/** An enterprise's day leads to its metering points, a metering point's day to its consumption. */
function href(item, choice, day) {
  if (!item.key) return undefined;
  if (!choice.enterprise) return `#/quality?${asking({ ...choice, enterprise: item.key, day })}`;
  const [uscc, ...code] = item.key.split("/");
  const span = `from=${day || `${choice.month}-01`}&to=${day || lastDay(choice.month)}`;
  return `#/metering-points/${uscc}/${encodeURIComponent(code.join("/"))}?${span}`;
}

function indexTable() {
  const sure = (row) => (row.verified === true ? t("quality.seen") : row.verified === null ? t("quality.unknown") : t("quality.secondhand"));
  return new Table([
    { key: "name", label: t("quality.index"), class: "main-cell", cell: (row) => h("span", {}, inLanguage(row), h("span", { class: "muted under" }, row[`formula_${language}`] ?? "")) },
    { key: "value", label: t("quality.value"), class: "num half", cell: (row) => percent(row.value) },
    { key: "counts", label: t("quality.counts"), class: "num half", cell: (row) => (row.numerator === null ? NOTHING : `${number(row.numerator)} / ${number(row.denominator)}`) },
    { key: "demanded", label: t("quality.demanded"), class: "num half", cell: (row) => (row.demanded === null ? NOTHING : `≥ ${percent(row.demanded)}`) },
    { key: "meets", label: t("quality.meets"), class: "half", cell: (row) => (row.meets === null ? NOTHING : badge(row.meets ? "ok" : "warning", t(row.meets ? "quality.yes" : "quality.no"))) },
    { key: "source", label: t("quality.source"), class: "source", cell: (row) => h("span", {}, `${row.edition} · ${sure(row)}`, h("span", { class: "muted under" }, row.source)) },
  ], { key: (row) => row.name });
}
