const integers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A whole number for people: `12,345`. */
export function formatCount(value: number): string {
  return integers.format(value);
}

const UNITS = [
  { size: 1e12, mark: 'T' },
  { size: 1e9, mark: 'G' },
  { size: 1e6, mark: 'M' },
  { size: 1e3, mark: 'k' },
] as const;

/** A large number in short: `950`, `12.3k`, `1.2M`. */
export function formatShort(value: number): string {
  // 999,950 rounds to 1000.0k: it belongs to the next unit.
  const unit = UNITS.find(({ size }) => value >= size * 0.99995);
  if (unit === undefined || value < 1000) return formatCount(value);
  const scaled = value / unit.size;
  return `${scaled < 99.95 ? scaled.toFixed(1) : Math.round(scaled)}${unit.mark}`;
}

/** Something per second: `0.05`, `4.2`, `12.3`, `1,234`. */
export function formatRate(perSecond: number): string {
  if (perSecond > 0 && perSecond < 0.995) return perSecond.toFixed(2);
  return perSecond < 99.95 ? perSecond.toFixed(1) : formatCount(perSecond);
}

/** A time in ms in its two largest units: `12s`, `3m 20s`, `2h 05m`, `3d 04h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${pair(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${pair(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${pair(hours % 24)}h`;
}

/** A time in ms as seconds: `0.8s`. */
export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}

function pair(value: number): string {
  return String(value).padStart(2, '0');
}

/** How much of a whole is done, in percent, rounded down: 100 only when all is. */
export function percentOf(done: number, all: number): number {
  return all === 0 ? 0 : Math.min(100, Math.floor((100 * done) / all));
}

/** A number with its noun: `1 item`, `1,200 items`. */
export function formatItems(items: number): string {
  return `${formatCount(items)} ${items === 1 ? 'item' : 'items'}`;
}

/** A moment in local time: `2026-01-31 14:05:09`. */
export function formatMoment(epochMs: number): string {
  const at = new Date(epochMs);
  const day = [at.getFullYear(), pair(at.getMonth() + 1), pair(at.getDate())].join('-');
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(pair).join(':')}`;
}
