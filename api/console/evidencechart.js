// The chart of an alert's evidence: consumption by its kind, the finding marked, the course to compare it with dashed.

import { bars, colourOf } from "./charts.js";
import { h } from "./dom.js";
import { withUnit } from "./format.js";
import { t } from "./i18n.js";
import { ends, kinds } from "./series.js";

const MARK = "rgba(180, 35, 24, 0.13)";
const DASHED = "#17212b";

/**
 * Options of the chart. `evidence`: an answer of …/evidence with a series; `which`: "now" or "found", as known then.
 * `width` in pixels.
 */
export function evidenceChart(evidence, which, { carrier, width, small, label }) {
  const { series, marked } = evidence;
  const shown = { ...series, ...series.now, ...series[which] };
  const to = Date.parse(series.end);
  const end = ends(series, to);
  const known = Date.parse(which === "now" ? evidence.as_of : evidence.found_at);
  const option = bars(shown, kinds(shown, end, known), { colour: colourOf(carrier), width, small, label });
  const [from, past] = [Date.parse(marked.from), marked.to ? Date.parse(marked.to) : to];
  const within = series.start.map((start, i) => (Date.parse(start) <= past && end[i] > from ? 1 : "-"));
  const told = option.tooltip.formatter;
  option.tooltip.formatter = (hovered) => withReference(told(hovered), series, hovered[0]?.dataIndex);
  option.series.push(
    { id: "marked", type: "bar", xAxisIndex: 1, yAxisIndex: 1, data: within, barWidth: "100%", barGap: "-100%", z: 4, silent: true, itemStyle: { color: MARK }, emphasis: { disabled: true } },
    { id: "reference", type: "line", data: series.reference.value.map((value) => value ?? "-"), step: "middle", symbol: "none", z: 5, silent: true, lineStyle: { color: DASHED, width: 1.6, type: "dashed" } },
  );
  return option;
}

function withReference(tip, series, i) {
  if (!tip || i === undefined) return tip;
  tip.append(h("div", { class: "muted" }, `${t(`reference.${series.reference.kind}`)}: ${withUnit(series.reference.value[i], series.unit)}`));
  return tip;
}
