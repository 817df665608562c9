// Options for the two charts: consumption bars by kind, and the line of an instantaneous quantity.

import * as echarts from "./vendor/echarts.esm.min.js";
import { h } from "./dom.js";
import { number, unitText, withUnit } from "./format.js";
import { t } from "./i18n.js";
import { KINDS } from "./series.js";

const INK = "#17212b";
const MUTED = "#5a6775";
const LINE = "#e3e8ed";
const MOST_UNZOOMED = 400;
const THIN_PX = 7;
const HALF_A_DATE = 18; // px: the first date stands below the first bucket's middle, and no numbers may stand left of that
const AMBER = "#c98a00";
const COLOURS = {
  electricity: "#1f6fb2", natural_gas: "#c8741a", coal_gas: "#a8642a", biogas: "#6f8f2f", water: "#1893a8",
  steam: "#8a5aa8", heat: "#bd4b3c", raw_coal: "#525c68", diesel: "#85692c", compressed_air: "#5f86a6",
};

export const colourOf = (carrier) => COLOURS[carrier] ?? "#3d7d68";

const lines = (rotation, color, width = 2, space = 5) => ({
  symbol: "rect", color, dashArrayX: [1, 0], dashArrayY: [width, space], rotation, symbolSize: 1,
});
const crossed = (color) => ({ symbol: "rect", color, dashArrayX: [[6, 3], [3, 6]], dashArrayY: [4, 3], rotation: Math.PI / 4 });
const dots = (color) => ({ symbol: "circle", color, dashArrayX: [[6, 6], [0, 6, 6, 0]], dashArrayY: [5, 2], symbolSize: 0.8 });

/** How a kind is painted, so that it can be told apart without colour; bars that are `thin` have no room for an edge. */
function paint(kind, colour, thin) {
  const style = paints(kind, colour);
  return thin ? { ...style, borderWidth: 0 } : style;
}

function paints(kind, colour) {
  return {
    measured: { color: colour },
    edited: { color: colour, decal: dots("rgba(255,255,255,.95)"), opacity: 0.9 },
    estimated: { color: `${colour}38`, borderColor: colour, borderWidth: 1, decal: lines(-Math.PI / 4, colour) },
    suspect: { color: "#f6dc9a", borderColor: AMBER, borderWidth: 1, decal: crossed(AMBER) },
    incomplete: { color: `${colour}30`, borderColor: colour, borderWidth: 1, borderType: "dashed" },
    missing: { color: "#eef0f2", decal: lines(Math.PI / 4, "#a9b3bd", 1.5, 6) },
  }[kind];
}

/** A chart in `element` that fits its size and goes with the page. */
export function chart(element, signal) {
  const made = echarts.init(element, null, { renderer: "canvas" });
  const watcher = new ResizeObserver(() => made.resize());
  watcher.observe(element);
  signal.addEventListener("abort", () => {
    watcher.disconnect();
    made.dispose();
  });
  return made;
}

/** Tell `choose` which bucket was clicked, also where it has no bar. */
export function onBucket(made, choose) {
  made.getZr().on("click", ({ offsetX, offsetY }) => {
    const at = [offsetX, offsetY];
    if (made.containPixel({ gridIndex: 0 }, at)) choose(made.convertFromPixel({ xAxisIndex: 0, yAxisIndex: 0 }, at)[0]);
  });
}

const frame = (small, zoomed = false) => ({
  animation: false,
  textStyle: { fontFamily: "inherit", color: INK },
  grid: { left: HALF_A_DATE, right: small ? 4 : 12, top: 30, bottom: zoomed ? 34 : 6, containLabel: true },
});
const axis = { axisLine: { lineStyle: { color: "#b9c3cc" } }, axisTick: { show: false }, axisLabel: { color: MUTED, fontSize: 11 } };
const scale = (unit) => ({
  type: "value", name: unitText(unit), nameTextStyle: { color: MUTED, align: "left", fontSize: 11 }, nameGap: 12,
  axisLabel: { color: MUTED, fontSize: 11, formatter: number }, splitLine: { lineStyle: { color: LINE } }, splitNumber: 4,
});
const tooltip = (formatter, pointer) => ({
  trigger: "axis", confine: true, transitionDuration: 0, borderColor: LINE, textStyle: { color: INK, fontSize: 12 },
  axisPointer: pointer, formatter,
});

/** Consumption: one bar a bucket, painted by its kind; missing buckets are a hatched band over the full height. */
export function bars(series, kind, { colour, width, small = false, label }) {
  const of = (name) => series.start.map((_, i) => (kind[i] === name ? (name === "missing" ? 1 : series.value[i]) : "-"));
  const used = KINDS.filter((name) => kind.includes(name));
  const thin = width / series.start.length < THIN_PX;
  const zoomed = series.start.length > MOST_UNZOOMED && !small;
  return {
    ...frame(small, zoomed),
    aria: { enabled: true, label: { description: label } },
    tooltip: tooltip((hovered) => explain(series, kind, hovered[0]?.dataIndex), { type: "shadow" }),
    xAxis: [{
      ...axis, type: "category", data: series.start,
      axisLabel: { ...axis.axisLabel, hideOverlap: true, interval: ticks(series), formatter: (start) => tickText(start, series.interval) },
    }, { type: "category", data: series.start, position: "bottom", show: false, axisLabel: { show: false }, axisPointer: { show: false } }],
    yAxis: [scale(series.unit), { type: "value", min: 0, max: 1, show: false, axisLabel: { show: false } }],
    ...(zoomed ? { dataZoom: zoom() } : {}),
    series: used.map((name) => ({
      id: name, name: t(`kind.${name}`), type: "bar", data: of(name), itemStyle: paint(name, colour, thin),
      ...(name === "missing"
        ? { xAxisIndex: 1, yAxisIndex: 1, barWidth: "100%", z: 1, emphasis: { disabled: true } }
        : { stack: "kinds", barCategoryGap: thin ? "8%" : "22%", barMaxWidth: 34, z: 2 }),
    })),
  };
}

/** Consumption of intervals as it was and as it would be: an outline behind, bars before it. */
export function beforeAfter({ start, before, after }, { unit, colour, label }) {
  const gap = (values) => values.map((value) => value ?? "-");
  return {
    ...frame(true),
    aria: { enabled: true, label: { description: label } },
    legend: { right: 4, top: 0, textStyle: { color: MUTED, fontSize: 12 }, itemHeight: 10 },
    tooltip: { ...tooltip(undefined, { type: "shadow" }), valueFormatter: (value) => withUnit(typeof value === "number" ? value : null, unit) },
    xAxis: { ...axis, type: "category", data: start.map((each) => each.slice(5, 16).replace("T", " ")), axisLabel: { ...axis.axisLabel, hideOverlap: true } },
    yAxis: scale(unit),
    series: [
      { id: "after", name: t("edits.after"), type: "bar", data: gap(after), barMaxWidth: 30, itemStyle: { color: colour } },
      { id: "before", name: t("edits.before"), type: "bar", data: gap(before), barMaxWidth: 30, barGap: "-100%", z: 3, itemStyle: { color: "transparent", borderColor: INK, borderWidth: 1, borderType: "dashed" } },
    ],
  };
}

/** Counts of each day, stacked; `series`: [{id, name, data}] with id same, more or fewer. */
export function perDay({ days, series }, label) {
  const styles = { same: { color: "#9aa7b2" }, more: { color: AMBER, decal: crossed("rgba(255,255,255,.7)") }, fewer: { color: "#e4efe9", borderColor: "#18794e", borderWidth: 1, decal: lines(-Math.PI / 4, "#18794e") } };
  return {
    ...frame(true),
    aria: { enabled: true, label: { description: label } },
    legend: { right: 4, top: 0, textStyle: { color: MUTED, fontSize: 12 }, itemHeight: 10 },
    tooltip: tooltip(undefined, { type: "shadow" }),
    xAxis: { ...axis, type: "category", data: days, axisLabel: { ...axis.axisLabel, hideOverlap: true, formatter: (day) => day.slice(5) } },
    yAxis: { ...scale(""), minInterval: 1 },
    series: series.map((one) => ({ ...one, type: "bar", stack: "all", barMaxWidth: 24, itemStyle: styles[one.id] })),
  };
}

/** Zoom by the slider only: the wheel scrolls the page. */
function zoom() {
  return [{ type: "slider", xAxisIndex: [0, 1], height: 18, bottom: 4, brushSelect: false, labelFormatter: "", borderColor: LINE, fillerColor: "rgba(31,111,178,.12)" }];
}

const wholeDays = (interval) => /d$|mo$|y$/.test(interval);

/** Which buckets may carry a label: over several days the midnights, within one every third hour. */
function ticks({ start, interval }) {
  if (wholeDays(interval)) return "auto";
  const days = (Date.parse(start.at(-1)) - Date.parse(start[0])) / 86_400_000;
  return (_, label) => (days > 2 ? label.slice(11, 16) === "00:00" : label.slice(14, 16) === "00" && label.slice(11, 13) % 3 === 0);
}

function tickText(start, interval) {
  if (interval === "1y") return start.slice(0, 4);
  if (interval === "1mo") return start.slice(0, 7);
  const time = start.slice(11, 16);
  return wholeDays(interval) || time === "00:00" ? start.slice(5, 10) : time;
}

function explain(series, kind, i) {
  if (i === undefined) return "";
  const named = kind[i] ?? "none";
  return h("div", { class: "tip" },
    h("b", {}, wholeDays(series.interval) ? series.start[i].slice(0, 10) : series.start[i].slice(0, 16).replace("T", " ")),
    h("div", { class: "tip-value" }, withUnit(series.value[i], series.unit)),
    h("div", {}, h("i", { class: `swatch ${named}` }), t(`kind.${named}`)),
    h("div", { class: "muted" }, t("chart.received", { received: series.received[i], expected: series.expected[i] })),
    series.estimated[i] ? h("div", { class: "muted" }, t("chart.estimated", { n: series.estimated[i] })) : null);
}

/** An instantaneous quantity over time; `points`: [wall clock ms, value or null]. The line breaks where readings are absent. */
export function line(points, { unit, colour, from, to, label }) {
  return {
    ...frame(false),
    useUTC: true,
    aria: { enabled: true, label: { description: label } },
    tooltip: tooltip(([hovered]) => {
      if (!hovered || hovered.value[1] === null) return "";
      const time = new Date(hovered.value[0]).toISOString().slice(0, 19).replace("T", " ");
      return h("div", { class: "tip" }, h("b", {}, time), h("div", { class: "tip-value" }, withUnit(hovered.value[1], unit)));
    }, { type: "line" }),
    xAxis: { ...axis, type: "time", min: from, max: to, splitNumber: 8, axisLabel: { ...axis.axisLabel, hideOverlap: true, formatter: { day: "{MM}-{dd}", month: "{yyyy}-{MM}", hour: "{HH}:{mm}", minute: "{HH}:{mm}" } } },
    yAxis: scale(unit),
    series: [{
      id: "flow", type: "line", data: points, showSymbol: false, sampling: "lttb", connectNulls: false,
      lineStyle: { width: 1.6, color: colour }, itemStyle: { color: colour }, areaStyle: { color: colour, opacity: 0.07 },
    }],
  };
}

/** Points for `line`, with a break wherever two readings lie further apart than `hole` ms, and than readings did just
 * before or do just after: the cadence of the past may have been another. */
export function broken(times, values, hole) {
  const points = [];
  const apart = (i) => times[i] - times[i - 1] || 0;
  times.forEach((time, i) => {
    if (apart(i) > Math.max(hole, 3 * apart(i - 1), 3 * apart(i + 1))) points.push([times[i - 1] + 1, null]);
    points.push([time, values[i]]);
  });
  return points;
}
