// Where one number comes from: sentences first, then its intervals, readings and meters.

import { get, pointPath } from "../api.js";
import { fill, h } from "../dom.js";
import { exact, number, unitText, withUnit } from "../format.js";
import { language, t, tOr } from "../i18n.js";
import { Table, card, into } from "../parts.js";
import { iso, local } from "../time.js";

/** A panel that is empty until a bucket (`start`, `end` in ms) of an answer as of some instant is shown. */
export function lineage(item, signal) {
  const element = h("div", { dataset: { panel: "lineage" } });
  const close = () => fill(element);
  const show = (start, end, asOf) => {
    const body = h("div");
    const button = h("button", { class: "button quiet", type: "button", onclick: close }, t("lineage.close"));
    fill(element, card(t("lineage.title"), body, button));
    element.scrollIntoView({ block: "nearest" });
    const asked = { start: iso(start, item.zone), end: iso(end, item.zone), as_of: asOf };
    return into(body, async () => told(await get(`${pointPath(item.uscc, item.code)}/explain`, asked, signal), item.zone), signal);
  };
  return { element, show };
}

function told(found, zone) {
  return [
    h("ul", { class: "lineage-said" }, found.sentences[language].map((sentence) => h("li", {}, sentence))),
    found.parts.map((part) => h("div", {},
      found.parts.length > 1 ? h("h3", {}, `${number(part.share)} × ${part.metering_point.split("/")[1]}`) : null,
      folded("lineage.intervals", intervals(part, zone)),
      folded("lineage.readings", readings(part, zone)),
      folded("lineage.meters", meters(part, zone)))),
  ];
}

export const folded = (title, body) => h("details", { class: "numbers", dataset: { details: title } }, h("summary", {}, t(title)), h("div", { class: "scroll", tabindex: "0" }, body));

function intervals(part, zone) {
  return new Table([
    { key: "start", label: t("word.time"), cell: (row) => local(row.start, zone).slice(0, 16) },
    { key: "value", label: `${t("point.consumption")} ${unitText(part.unit)}`, class: "num", cell: (row) => exact(row.value) },
    { key: "quality", label: t("word.quality"), cell: (row) => t(`kind.${row.quality}`) },
    { key: "method", label: t("lineage.method"), cell: (row) => (row.method ? t(`method.${row.method}`) : "–") },
    { key: "earlier", label: t("lineage.earlier"), cell: (row) => row.earlier.map((each) => h("span", { class: "under" }, earlier(each, part, zone))) },
  ], { none: t("lineage.nothing"), shown: 400 }).update(part.intervals);
}

const earlier = (each, part, zone) => `${withUnit(each.value, part.unit)} (${local(each.until, zone).slice(0, 16)}, ${each.change.actor}: ${each.change.reason})`;

/** The readings between which the register is interpolated at both ends, and what lies between them unused. */
export function readings({ readings: { start, end }, unit }, zone) {
  const rows = [start, end].flatMap((edge) => [edge.before, ...edge.left_out, edge.after]).filter(Boolean);
  const distinct = [...new Map(rows.map((row) => [row.time, row])).values()].sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  return new Table([
    { key: "time", label: t("word.time"), cell: (row) => local(row.time, zone) },
    { key: "value", label: `${t("point.reading")} ${unitText(unit)}`, class: "num", cell: (row) => exact(row.value) },
    { key: "words", label: t("lineage.words"), cell: (row) => h("code", {}, row.words?.join(" ") ?? "–") },
    { key: "received", label: t("lineage.received"), cell: (row) => local(row.received, zone) },
    { key: "stored", label: t("lineage.stored"), cell: (row) => local(row.stored, zone) },
    { key: "left_out", label: t("lineage.leftout"), cell: (row) => (row.left_out ? tOr(`lineage.${row.left_out}`, row.left_out) : "") },
  ], { none: t("point.noreadings") }).update(distinct);
}

export function meters(part, zone) {
  return new Table([
    { key: "meter", label: t("word.meter"), class: "main-cell", cell: (row) => [row.meter, h("span", { class: "under muted" }, [row.maker, row.model, row.serial].filter(Boolean).join(" "))] },
    { key: "from", label: t("word.from"), cell: (row) => local(row.from, zone).slice(0, 16) },
    { key: "to", label: t("word.to"), cell: (row) => (row.to ? local(row.to, zone).slice(0, 16) : t("point.stillin")) },
    { key: "multiplier", label: t("point.multiplier"), class: "num", cell: (row) => h("span", {}, number(row.multiplier), row.ct ? h("span", { class: "under muted" }, `CT ${number(row.ct)} × PT ${number(row.pt)}`) : null) },
    { key: "source", label: t("lineage.source"), cell: (row) => (row.source ? source(row.source) : "–") },
  ], { none: t("point.noinstallations") }).update(part.segments);
}

function source({ name, source: from, entry }) {
  const where = entry.pointer ?? `0x${entry.address.toString(16).toUpperCase().padStart(4, "0")} ${entry.type} ${entry.order}`;
  return h("span", {}, `${name}: ${where}, × ${entry.scale} ${unitText(entry.unit)}`, h("span", { class: "under muted" }, from));
}
