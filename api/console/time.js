// Instants (ms since 1970 UTC) and calendars of named zones; the browser's own zone never shows.

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const clocks = new Map();

function clock(zone) {
  if (!clocks.has(zone)) {
    const fields = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
    clocks.set(zone, new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...fields }));
  }
  return clocks.get(zone);
}

/** The zone's wall clock at an instant, written as if it were UTC. */
export function wall(ms, zone) {
  const part = Object.fromEntries(clock(zone).formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
}

/** The instant at which the zone's wall clock shows midnight of a day; days and months may overflow. */
const midnight = (year, month, day, zone) => instant(Date.UTC(year, month, day), zone);

/** The instant at which the zone's wall clock shows `wanted`, written as if it were UTC. */
export function instant(wanted, zone) {
  let ms = wanted;
  for (let round = 0; round < 2; round++) ms = wanted - (wall(ms, zone) - ms);
  return ms;
}

/** ISO 8601 with the zone's offset. */
export function iso(ms, zone) {
  const local = wall(ms, zone);
  const minutes = Math.round((local - Math.floor(ms / 1000) * 1000) / MINUTE);
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const sign = minutes < 0 ? "-" : "+";
  return `${new Date(local).toISOString().slice(0, 19)}${sign}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

/** `2025-03-01 08:15:00` in the zone, of an ISO time with any offset or of milliseconds. */
export function local(time, zone) {
  const ms = typeof time === "number" ? time : Date.parse(time);
  return new Date(wall(ms, zone)).toISOString().slice(0, 19).replace("T", " ");
}

export const RANGES = ["today", "yesterday", "7d", "30d", "month", "lastmonth", "12mo"];

/** [from, to) of a named range or of `{from, to}` days (both included), whole days of the zone. */
export function bounds(range, zone, now = Date.now()) {
  if (typeof range === "object") {
    const [y, m, d] = range.from.split("-").map(Number);
    const [y2, m2, d2] = range.to.split("-").map(Number);
    return { from: midnight(y, m - 1, d, zone), to: midnight(y2, m2 - 1, d2 + 1, zone) };
  }
  const today = new Date(wall(now, zone));
  const [y, m, d] = [today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate()];
  const day = (offset) => midnight(y, m, d + offset, zone);
  const month = (offset) => midnight(y, m + offset, 1, zone);
  return {
    today: { from: day(0), to: day(1) },
    yesterday: { from: day(-1), to: day(0) },
    "7d": { from: day(-6), to: day(1) },
    "30d": { from: day(-29), to: day(1) },
    month: { from: month(0), to: day(1) },
    lastmonth: { from: month(-1), to: month(0) },
    "12mo": { from: month(-11), to: day(1) },
  }[range];
}

const LENGTHS = { "15m": 15 * MINUTE, "1h": HOUR, "1d": DAY, "1mo": 30 * DAY };
export const INTERVALS = Object.keys(LENGTHS);
const MOST_BUCKETS = 9000;

/** Whether a chart of so many buckets can still be read. */
export function fits(interval, { from, to }) {
  return (to - from) / LENGTHS[interval] <= MOST_BUCKETS;
}

/** The interval that suits a range's length. */
export function suiting({ from, to }) {
  const days = (to - from) / DAY;
  return days <= 2.5 ? "15m" : days <= 8.5 ? "1h" : days <= 93 ? "1d" : "1mo";
}
