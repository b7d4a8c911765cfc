import { InvalidArgumentError, Option } from 'commander';

const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Returns a duration in seconds: `30s`, `15m`, `2h`, `1d`, or a plain number of seconds. Throws for anything else. */
export function parseDuration(text: string): number {
  const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text.trim()) ?? [];
  const seconds = Number(count) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (count === '' || !Number.isFinite(seconds)) {
    throw new InvalidArgumentError('Give a duration, as 30s, 15m, 2h or 0.');
  }
  return seconds;
}

/** Returns seconds in the largest unit that keeps them whole: `15m`, `90s`, `0`. */
export function durationText(seconds: number): string {
  if (seconds === 0) return '0';
  const [unit, size] = (
    [
      ['h', 3600],
      ['m', 60],
    ] as const
  ).find(([, size]) => seconds % size === 0) ?? ['s', 1];
  return `${seconds / size}${unit}`;
}

/** An option whose value is a duration; `value` is its default in seconds. */
export function duration(flags: string, description: string, value?: number): Option {
  const option = new Option(flags, description).argParser(parseDuration);
  return value === undefined ? option : option.default(value, durationText(value));
}
