// The line of an instantaneous quantity (power, flow, voltage …) on a metering point's page.

import { get, pointPath } from "../api.js";
import { broken, chart, colourOf, line } from "../charts.js";
import { fill, h } from "../dom.js";
import { flowOf, inLanguage, t } from "../i18n.js";
import { card, empty, into, select } from "../parts.js";
import { DAY, MINUTE, iso, wall } from "../time.js";

const LONGEST_MS = 31 * DAY;
const HOLES = 3; // cadences without a reading break the line

export function flow(item, signal) {
  const offered = item.points.filter((each) => each.kind === "instant");
  const canvas = h("div", { class: "chart", dataset: { chart: "flow" } });
  const state = h("div");
  const note = h("p", { class: "muted note" });
  const tools = h("div");
  if (!offered.length) return { element: card(t("point.flow"), empty(t("point.noflow"))), show: () => {}, take: () => {} };

  const made = chart(canvas, signal);
  const hole = Math.max(HOLES * (item.cadence_s ?? 900) * 1000, 2 * MINUTE);
  let point = offered.find((each) => each.quantity === flowOf(item.carrier)) ?? offered[0];
  let range;
  let times = [];
  let values = [];
  const draw = () => made.setOption(line(broken(times, values, hole), {
    unit: point.unit, colour: colourOf(item.carrier), from: wall(range.from, item.zone), to: wall(range.to, item.zone), label: `${item.name}: ${inLanguage(point)}`,
  }), { notMerge: true });
  const load = () => into(state, async () => {
    const [before, quantity] = [range, point];
    const answer = await get(`${pointPath(item.uscc, item.code)}/readings`, { quantity: point.quantity, from: iso(range.from, item.zone), to: iso(range.to, item.zone) }, signal);
    if (before !== range || quantity !== point) return undefined;
    times = answer.time.map((time) => Date.parse(`${time.slice(0, 19)}Z`)); // the answer speaks in the enterprise's zone
    values = answer.value.map((value) => (value === null ? null : value * answer.multiplier));
    draw();
    canvas.dataset.points = times.length;
    return times.length ? [] : h("p", { class: "muted" }, t("point.noreadings"));
  }, signal);
  const show = ({ from, to }) => {
    const end = Math.min(to, Math.max(Date.now(), from + MINUTE));
    range = { from: Math.max(from, end - LONGEST_MS), to };
    note.textContent = range.from > from ? t("point.flowshort") : "";
    fill(state);
    load();
  };
  const choose = (name) => {
    point = offered.find((each) => each.quantity === name);
    load();
  };
  const take = (news) => {
    const fresh = news.filter((each) => each.quantity === point.quantity && Date.parse(each.time) < range.to);
    for (const each of fresh) {
      const time = wall(Date.parse(each.time), item.zone);
      if (times.length && time <= times.at(-1)) continue;
      times.push(time);
      values.push(each.value * each.multiplier);
    }
    if (!fresh.length) return;
    draw();
    canvas.dataset.points = times.length;
  };
  fill(tools, select(t("word.quantity"), offered.map((each) => [each.quantity, inLanguage(each)]), point.quantity, choose));
  return { element: card(t("point.flow"), [state, canvas, note], tools), show, take };
}
