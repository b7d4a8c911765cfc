const integers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A whole number: `12,345`. */
export function count(value: number): string {
  return integers.format(value);
}

/** An amount that need not be whole: `12.5`. */
export function decimals(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}

/** A part of a whole in percent: `12.3 %`; `0 %` and `100 %` only when it is exactly that. */
export function share(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0\u00a0%';
  if (part === whole) return '100\u00a0%';
  const percent = (100 * part) / whole;
  if (percent < 0.1) return '<\u00a00.1\u00a0%';
  return percent > 99.9 ? '>\u00a099.9\u00a0%' : `${percent.toFixed(1)}\u00a0%`;
}

/** A time: `85 ms`, `1.24 s`, `12.4 s`, `3 min 05 s`, `2 h 10 min`, `3 d 04 h`. */
export function time(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}\u00a0ms`;
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)}\u00a0s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)}\u00a0s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return twoUnits(seconds, 60, 'min', 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return twoUnits(minutes, 60, 'h', 'min');
  return twoUnits(Math.round(minutes / 60), 24, 'd', 'h');
}

function twoUnits(value: number, size: number, large: string, small: string): string {
  const rest = String(value % size).padStart(2, '0');
  return `${Math.floor(value / size)}\u00a0${large} ${rest}\u00a0${small}`;
}

/** A whole time in its own unit, for steps and axes: `100 ms`, `5 s`, `30 min`, `6 h`, `1 d`. */
export function step(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ] as const;
  const [size, unit] = units.find(([least]) => ms >= least) ?? [1, 'ms'];
  return `${Number((ms / size).toPrecision(2))}\u00a0${unit}`;
}

/** Something per second: `0.05`, `4.2`, `1,234`. */
export function perSecond(rate: number): string {
  if (rate > 0 && rate < 0.995) return rate.toPrecision(1);
  return rate < 99.95 ? String(Number(rate.toFixed(1))) : count(rate);
}

/** A size: `830 B`, `12.3 kB`, `1.2 MB`. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes}\u00a0B`;
  const [unit, mark] = bytes < 999_950 ? [1e3, 'kB'] : bytes < 999_950_000 ? [1e6, 'MB'] : [1e9, 'GB'];
  return `${(bytes / Number(unit)).toFixed(1)}\u00a0${mark}`;
}

/** A text that is no longer than `longest` characters; what is cut ends with an ellipsis. */
export function clipped(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
