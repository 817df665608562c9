// The consumption part of a metering point's page: range, interval, bars, counts by kind, numbers, CSV.

import { download, get, pointPath } from "../api.js";
import { bars, chart, colourOf, onBucket } from "../charts.js";
import { fill, h } from "../dom.js";
import { number, percent, unitText, withUnit } from "../format.js";
import { t } from "../i18n.js";
import { card, failed, into, segments } from "../parts.js";
import { KINDS, ends, kinds, summary } from "../series.js";
import { INTERVALS, RANGES, bounds, fits, iso, local, suiting } from "../time.js";
import { lineage } from "./lineage.js";

const MOST_ROWS = 1000;
const LATEST_RESULT_MS = 60_000;

/** `show({from, to})` is told whenever another range is chosen. */
export function consumption(item, query, show, signal) {
  const tools = h("div", { class: "tools" });
  const counts = h("div", { class: "legend" });
  const canvas = h("div", { class: "chart", dataset: { chart: "consumption" } });
  const state = h("div");
  const table = h("div");
  const details = h("details", { class: "numbers", ontoggle: () => drawn && fill(table, details.open ? rows(drawn, item.zone, explain) : []) }, h("summary", {}, t("chart.table")), table);
  const made = chart(canvas, signal);
  const panel = lineage(item, signal);
  const explain = (i) => panel.show(Date.parse(drawn.series.start[i]), drawn.end[i], drawn.series.as_of);
  onBucket(made, (i) => drawn?.series.start[i] && explain(i));
  let drawn;
  let choice = fromAddress(query);

  const asked = () => {
    const range = bounds(choice.range, item.zone);
    const interval = choice.interval && fits(choice.interval, range) ? choice.interval : suiting(range);
    return { range, interval };
  };
  const questions = () => {
    const { range, interval } = asked();
    return { interval, from: iso(range.from, item.zone), to: iso(range.to, item.zone) };
  };
  const refresh = () => into(state, async () => {
    const { range } = asked();
    const before = choice;
    const series = await get(`${pointPath(item.uscc, item.code)}/consumption`, questions(), signal);
    if (before !== choice) return undefined;
    drawn = judged(series, range.to, item.cadence_s);
    draw(made, drawn, item);
    canvas.dataset.kinds = JSON.stringify(drawn.sum.counts);
    fill(counts, legend(drawn));
    if (details.open) fill(table, rows(drawn, item.zone, explain));
    return [];
  }, signal);
  const choose = (change) => {
    choice = { ...choice, ...change };
    history.replaceState(null, "", `#/metering-points/${item.uscc}/${encodeURIComponent(item.code)}?${toAddress(choice)}`);
    fill(tools, choices(choice, asked(), item.zone, choose));
    fill(state);
    refresh();
    show(asked().range);
  };
  const csv = h("button", { class: "button quiet", type: "button", onclick: () => download(`${pointPath(item.uscc, item.code)}/consumption`, questions(), `${item.uscc}_${item.code}_${asked().interval}.csv`).catch((error) => fill(state, failed(error))) }, t("chart.csv"));
  choose({});
  return { element: card(t("point.consumption"), [tools, counts, state, canvas, h("p", { class: "muted hint" }, t("lineage.hint")), panel.element, details], csv), refresh };
}

/** A series with the kind of each bucket; what ended within the last cadence may still be on its way. */
function judged(series, to, cadence) {
  const due = Date.now() - (cadence ?? 0) * 1500 - LATEST_RESULT_MS;
  const end = ends(series, to);
  const kind = kinds(series, end, due);
  return { series, kind, end, sum: summary(series, kind, end, due) };
}

function draw(made, { series, kind, sum }, item) {
  const label = `${item.name}: ${withUnit(sum.value, series.unit)}; ${KINDS.filter((name) => sum.counts[name]).map((name) => `${t(`kind.${name}`)} ${sum.counts[name]}`).join(", ")}`;
  made.setOption(bars(series, kind, { colour: colourOf(item.carrier), width: made.getWidth(), label }), { notMerge: true });
}

function legend({ series, sum }) {
  return [
    h("div", { class: "total" }, h("span", { class: "muted" }, t("chart.total")), h("b", {}, number(sum.value)), h("span", {}, unitText(series.unit)), h("span", { class: "muted" }, t("chart.completeness", { share: percent(sum.completeness) }))),
    h("ul", { class: "plain kinds" }, KINDS.map((name) =>
      h("li", { class: sum.counts[name] ? undefined : "unused", dataset: { kind: name, count: sum.counts[name] }, title: t(`kind.${name}.what`) },
        h("i", { class: `swatch ${name}`, "aria-hidden": "true" }), t(`kind.${name}`), " ", h("b", {}, number(sum.counts[name]))))),
  ];
}

/** `explain(i)` tells where the number of a bucket comes from. */
function rows({ series, kind }, zone, explain) {
  const heading = [t("word.time"), `${t("point.consumption")} ${unitText(series.unit)}`, t("word.quality"), t("chart.receivedhead"), t("chart.estimatedhead")];
  const first = Math.max(0, series.start.length - MOST_ROWS);
  return h("div", { class: "scroll", tabindex: "0" }, first ? h("p", { class: "muted" }, t("chart.newest", { n: MOST_ROWS })) : null,
    h("table", {}, h("thead", {}, h("tr", {}, heading.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, series.start.slice(first).map((start, j) => {
        const i = first + j;
        return h("tr", {}, h("td", {}, h("button", { class: "button quiet", type: "button", title: t("lineage.title"), onclick: () => explain(i) }, local(start, zone).slice(0, 16))), h("td", { class: "num" }, number(series.value[i])), h("td", {}, t(`kind.${kind[i] ?? "none"}`)), h("td", { class: "num" }, `${series.received[i]} / ${series.expected[i]}`), h("td", { class: "num" }, series.estimated[i] || ""));
      }).reverse())));
}

function choices(choice, { range, interval }, zone, choose) {
  const day = (ms) => local(ms, zone).slice(0, 10);
  const custom = typeof choice.range === "object";
  const first = h("input", { type: "date", value: day(range.from), "aria-label": t("word.from"), dataset: { focus: "from" } });
  const last = h("input", { type: "date", value: day(range.to - 1), "aria-label": t("word.to"), dataset: { focus: "to" } });
  const dates = () => {
    if (first.value && last.value && first.value <= last.value && first.value >= "2000" && last.value < "2200") choose({ range: { from: first.value, to: last.value } });
  };
  for (const input of [first, last]) input.addEventListener("change", dates);
  return [
    segments(t("word.period"), RANGES.map((name) => [name, t(`range.${name}`)]), custom ? null : choice.range, (name) => choose({ range: name, interval: undefined })),
    h("span", { class: "dates" }, first, " – ", last),
    segments(t("word.interval"), INTERVALS.map((name) => [name, t(`interval.${name}`), !fits(name, range)]), interval, (name) => choose({ interval: name })),
  ];
}

const DATE = /^\d{4}-\d\d-\d\d$/;

function fromAddress(query) {
  const [from, to, range] = ["from", "to", "range"].map((name) => query.get(name) ?? "");
  const interval = INTERVALS.includes(query.get("interval")) ? query.get("interval") : undefined;
  if (DATE.test(from) && DATE.test(to) && from <= to) return { range: { from, to }, interval };
  return { range: RANGES.includes(range) ? range : "7d", interval };
}

function toAddress({ range, interval }) {
  const fields = typeof range === "object" ? range : { range };
  return new URLSearchParams(interval ? { ...fields, interval } : fields);
}
