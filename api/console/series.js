// What each bucket of a consumption series is worth to the eye: absence is never drawn as zero.

/** Kinds in the order of the legend. `incomplete`: a sum with parts missing, or one that still runs. */
export const KINDS = ["measured", "edited", "estimated", "suspect", "incomplete", "missing"];

/**
 * The kind of each bucket; null where nothing is due (the future, or no readings expected).
 * `ends`: ms, `due`: what ended after this instant may still come.
 */
export function kinds(series, ends, due) {
  return series.start.map((_, i) => {
    if (series.value[i] !== null) return series.quality[i] === "missing" ? "incomplete" : series.quality[i];
    return ends[i] > due || series.expected[i] === 0 ? null : "missing";
  });
}

/** When each bucket ends, ms: where the next one starts, and the last at the end of what was asked. */
export function ends(series, to) {
  const starts = series.start.map((start) => Date.parse(start));
  return starts.map((_, i) => starts[i + 1] ?? to);
}

/** Sum, counts by kind and completeness of what was due. */
export function summary(series, kind, end, due) {
  const counts = Object.fromEntries(KINDS.map((name) => [name, 0]));
  const total = { value: null, expected: 0, received: 0, estimated: 0, counts };
  kind.forEach((name, i) => {
    if (name) counts[name] += 1;
    if (series.value[i] !== null) total.value = (total.value ?? 0) + series.value[i];
    if (end[i] > due) return;
    total.expected += series.expected[i];
    total.received += Math.min(series.received[i], series.expected[i]);
  });
  return { ...total, completeness: total.expected ? total.received / total.expected : null };
}
