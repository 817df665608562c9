// The energy balance on an enterprise's page: each metering point against those directly below it.

import { get } from "../api.js";
import { every, fill, h } from "../dom.js";
import { number, unitText } from "../format.js";
import { carrierName, t } from "../i18n.js";
import { Table, card, into, segments } from "../parts.js";
import { bounds, iso } from "../time.js";

const PERIODS = ["yesterday", "7d", "month", "lastmonth"];
const REFRESH_MS = 60_000;

export function balance(item, signal) {
  const box = h("div");
  const tools = h("div");
  let chosen = "yesterday";
  const load = () => into(box, async () => {
    const before = chosen;
    const { from, to } = bounds(chosen, item.zone);
    const answer = await get(`/v1/enterprises/${item.uscc}/balance`, { interval: "1d", from: iso(from, item.zone), to: iso(to, item.zone) }, signal);
    return before === chosen ? table(answer.series.map(summed), item) : undefined;
  }, signal);
  const choose = (period) => {
    chosen = period;
    fill(tools, segments(t("balance.period"), PERIODS.map((name) => [name, t(`range.${name}`)]), chosen, choose));
    load();
  };
  choose(chosen);
  every(REFRESH_MS, load, signal);
  return card(t("enterprise.balance"), box, tools);
}

/** The days on which both sides are known, added up. */
function summed(series) {
  const days = series.difference.flatMap((value, i) => (value === null ? [] : [i]));
  const sum = (column) => (days.length ? days.reduce((total, i) => total + column[i], 0) : null);
  return { ...series, own: sum(series.own), children: sum(series.children), difference: sum(series.difference), known: days.length, days: series.difference.length };
}

function table(rows, item) {
  const loss = (row) => (row.own > 0 ? row.difference / row.own : null);
  const amount = (name) => ({ key: name, label: t(`balance.${name}`), class: "num", cell: (row) => h("span", { dataset: { amount: name } }, number(row[name])) });
  const code = (row) => row.key.slice(item.uscc.length + 1);
  return new Table([
    { key: "point", label: t("word.point"), class: "main-cell", cell: (row) => h("span", {}, h("a", { href: `#/metering-points/${item.uscc}/${encodeURIComponent(code(row))}` }, row.name), h("span", { class: "muted under" }, `${code(row)} · ${carrierName(row.carrier)} · ${unitText(row.unit)}`)) },
    amount("own"), amount("children"), amount("difference"),
    { key: "loss", label: t("balance.loss"), class: "num", value: loss, cell: (row) => signed(loss(row)) },
    { key: "known", label: t("balance.known"), class: "num", cell: (row) => `${row.known} / ${row.days}` },
  ], { key: (row) => row.key, shown: 20, none: t("balance.none") }).update(rows);
}

/** A share in percent that may be negative: what lies below counts more than the metering point itself. */
function signed(share) {
  return share === null ? number(null) : `${number(Math.round(share * 1000) / 10)} %`;
}
