// A review report on the screen: the figures in short; the whole of it is in its PDF.

import { h } from "../dom.js";
import { NOTHING, number, percent, withUnit } from "../format.js";
import { inLanguage, t } from "../i18n.js";
import { Table, judge, tile } from "../parts.js";
import { equipping } from "./instruments.js";

export function report(found) {
  const { totals, carriers } = found.consumption;
  const quality = found.quality.total;
  return h("div", { class: "side", dataset: { report: found.as_of } },
    h("div", { class: "tiles" },
      tile("tce", t("report.tce"), number(totals.tce), totals.tce_before === null ? t("report.nobefore") : t("report.before", { value: number(totals.tce_before) })),
      tile("tco2", t("report.tco2"), number(totals.tco2), t("report.tonnes")),
      tile("completeness", t("overview.completeness"), percent(quality.completeness), t("chart.received", { received: number(quality.received), expected: number(quality.expected) }), judge(quality.completeness, 0.98, 0.9)),
      tile("estimated", t("report.estimated"), percent(quality.estimated_share), t("report.ofintervals")),
      tile("gaps", t("report.gaps"), String(found.gaps.count), t("report.open", { n: found.gaps.open })),
      tile("alerts", t("nav.alerts"), String(found.alerts.count), found.alerts.uninspected_since ? t("report.uninspected") : t("report.rules", { n: found.alerts.rules.length }))),
    consumption(carriers),
    equipping(found.equipping));
}

function consumption(rows) {
  const change = (row) => (row.change === null ? NOTHING : `${number(row.change)} %`);
  return new Table([
    { key: "carrier", label: t("word.carrier"), class: "main-cell", cell: (row) => h("span", {}, inLanguage(row), row.lacks.length ? h("span", { class: "muted under" }, t("report.lacks", { units: row.lacks.map((lack) => t(`lack.${lack.unit}`)).join(t("word.comma")) })) : null) },
    { key: "value", label: t("report.value"), class: "num", cell: (row) => h("span", {}, withUnit(row.value, row.unit), row.quality === "measured" ? null : h("span", { class: "muted under" }, t(`kind.${row.quality}`))) },
    { key: "tce", label: "tce", class: "num", cell: (row) => number(row.tce) },
    { key: "tco2", label: "tCO₂", class: "num", cell: (row) => number(row.tco2) },
    { key: "before", label: t("report.lastyear"), class: "num", cell: (row) => withUnit(row.value_before, row.unit) },
    { key: "change", label: t("report.change"), class: "num", cell: change },
  ], { key: (row) => row.carrier, none: t("report.nocarriers") }).update(rows);
}
