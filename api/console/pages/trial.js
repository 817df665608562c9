// What a dry run found, beside what the present thresholds raise over the same days.

import { chart, perDay } from "../charts.js";
import { h } from "../dom.js";
import { number } from "../format.js";
import { inLanguage, t } from "../i18n.js";
import { Table, severityBadge, tile } from "../parts.js";
import { DAY } from "../time.js";

const COMPARED = ["same", "more", "fewer"];

export function trial(found, enterprises, signal) {
  const canvas = h("div", { class: "chart small", dataset: { chart: "trial" } });
  const made = chart(canvas, signal);
  made.setOption(perDay(counted(found), t("rules.perday", found)));
  const tiles = [["count", ""], ["present", ""], ["more", found.more ? "warning" : ""], ["fewer", ""], ["same", ""]];
  return [
    h("div", { class: "tiles five" }, tiles.map(([name, state]) => tile(name, t(`rules.${name}`), String(found[name]), t(`rules.${name}.note`, found), state))),
    found.findings.length ? canvas : null,
    findings(found, new Map(enterprises.map(({ uscc, name }) => [uscc, name]))),
  ];
}

/** Findings by the day they begin; what began before counts on the first one. */
function counted(found) {
  const first = found.from.slice(0, 10);
  const days = [];
  for (let ms = Date.parse(first); ms <= Date.parse(found.to.slice(0, 10)); ms += DAY) days.push(new Date(ms).toISOString().slice(0, 10));
  const series = COMPARED.map((name) => {
    const counts = days.map(() => 0);
    for (const one of found.findings.filter(({ compared }) => compared === name)) counts[Math.max(days.indexOf(one.onset.slice(0, 10)), 0)] += 1;
    return { id: name, name: t(`rules.${name}`), data: counts.map((count) => count || "-") };
  });
  return { days, series };
}

function findings(found, names) {
  const listed = found.findings.length;
  const table = new Table([
    { key: "what", label: t("rules.finding"), class: "main-cell wide", cell: (row) => h("span", {}, severityBadge(row.severity), h("span", { class: "under" }, inLanguage(row))) },
    { key: "compared", label: t("rules.compared"), class: "nowrap", value: (row) => COMPARED.indexOf(row.compared), cell: (row) => h("span", { class: `compared ${row.compared}` }, t(`rules.${row.compared}`)) },
    { key: "point", label: t("word.point"), value: (row) => row.metering_point, cell: (row) => h("span", {}, row.metering_point ? h("a", { href: `#/metering-points/${row.uscc}/${encodeURIComponent(row.metering_point)}` }, row.metering_point) : null, h("span", { class: "muted under" }, names.get(row.uscc) ?? row.uscc)) },
    { key: "onset", label: t("alerts.onset"), class: "nowrap", value: (row) => row.onset, cell: (row) => row.onset.slice(0, 16).replace("T", " ") },
    { key: "ended", label: t("word.to"), class: "nowrap", value: (row) => row.ended ?? "~", cell: (row) => (row.ended ? row.ended.slice(0, 16).replace("T", " ") : t("rules.stands")) },
  ], { sort: "onset", down: true, shown: 20, none: t("rules.nofindings", { ...found, places: number(found.looked_at) }) });
  return [table.update(found.findings), found.count + found.fewer > listed ? h("p", { class: "muted note" }, t("rules.listed", { n: listed })) : null];
}
