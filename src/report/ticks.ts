const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000] as const;

/** Steps between the marks of a time axis, ms. */
const TIME_STEPS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((days) => days * DAY),
];

/** The marks of a time axis between two moments, epoch ms: at most `most`, at round times. */
export function timeTicks(from: number, to: number, most: number): number[] {
  const step = TIME_STEPS.find((candidate) => (to - from) / candidate <= most) ?? (to - from) / most;
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, tick) => first + tick * step);
}

/** The marks of an axis from 0 that reaches over `max`: 0 and two to five round numbers; the last is the axis' end. */
export function valueTicks(max: number): number[] {
  if (max <= 0) return [0, 1];
  const rough = max / 4;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * ([1, 2, 2.5, 5, 10].find((factor) => factor * size >= rough) ?? 10);
  const steps = Math.max(1, Math.ceil(max / step));
  return Array.from({ length: steps + 1 }, (_, tick) => Number((tick * step).toPrecision(12)));
}

/** The marks of a logarithmic axis: 1, 2 and 5 of each power of ten in it, or only the powers where those are too many. */
export function logTicks(low: number, high: number, most: number): number[] {
  const powers = Array.from({ length: 13 }, (_, power) => 10 ** power);
  const inside = (ticks: number[]) => ticks.filter((tick) => tick >= low && tick <= high);
  const fine = inside(powers.flatMap((power) => [power, 2 * power, 5 * power]));
  return fine.length <= most ? fine : inside(powers);
}
