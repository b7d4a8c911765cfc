import { type BatchInput, namesOf } from './run.js';

/** The places in a name that a run fills with the time it was scheduled for. */
const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** Placeholders that there are. */
export const PLACEHOLDERS = ['date', 'time'] as const;

/** Fills `{{date}}` (`2026-11-30`) and `{{time}}` (`02-00-00`); others stay. Throws a `RangeError` for no time zone. */
export function fillPlaceholders(text: string, at: number, timeZone = 'UTC'): string {
  const values = partsOf(at, timeZone);
  return text.replace(PLACEHOLDER, (whole, name: string) => values.get(name) ?? whole);
}

/** Returns the placeholders of a name that nothing fills. */
export function unknownPlaceholders(text: string): string[] {
  const names = Array.from(text.matchAll(PLACEHOLDER), ([, name = '']) => name);
  return names.filter((name) => !PLACEHOLDERS.some((known) => known === name));
}

/** Returns a run's input with the names in it as they are for a run that was scheduled for `at`, epoch ms. */
export function inputAt(batch: BatchInput, at: number): BatchInput {
  const { input, output, timeZone } = batch;
  const fill = (text: string): string => fillPlaceholders(text, at, timeZone);
  const filled = typeof input === 'string' ? fill(input) : input.map(fill);
  const [asGiven, asFilled] = [namesOf(input).join(', '), namesOf(filled).join(', ')];
  return {
    ...batch,
    // The runs of a schedule are of one origin, whatever the day in the name of their input.
    ...(asFilled === asGiven ? {} : { origin: batch.origin ?? asGiven }),
    input: filled,
    ...(output === undefined ? {} : { output: fill(output) }),
  };
}

function partsOf(at: number, timeZone: string): ReadonlyMap<string, string> {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const joined = (...types: Intl.DateTimeFormatPartTypes[]) => types.map((type) => parts.get(type) ?? '').join('-');
  return new Map([
    ['date', joined('year', 'month', 'day')],
    ['time', joined('hour', 'minute', 'second')],
  ]);
}
