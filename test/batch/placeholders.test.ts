import { describe, expect, it, test } from 'vitest';
import { fillPlaceholders, inputAt, unknownPlaceholders } from '../../src/batch/placeholders.js';
import { batchInputSchema } from '../../src/batch/run.js';

const AT = Date.parse('2026-11-29T23:30:05.500Z');

describe('fillPlaceholders', () => {
  test.each<[text: string, timeZone: string | undefined, filled: string]>([
    ['/in/{{date}}/p.jsonl', undefined, '/in/2026-11-29/p.jsonl'],
    ['{{date}}T{{time}}', 'UTC', '2026-11-29T23-30-05'],
    // The day is that of the zone in which the schedule is.
    ['{{ date }}-{{time}}.jsonl', 'Europe/Berlin', '2026-11-30-00-30-05.jsonl'],
    ['{{date}} {{date}}', 'America/Los_Angeles', '2026-11-29 2026-11-29'],
    ['no/place', 'Asia/Tokyo', 'no/place'],
    ['{{hour}} {{}} {date} {{date}', undefined, '{{hour}} {{}} {date} {{date}'],
  ])('makes of %s in %s: %s', (text, timeZone, filled) => {
    expect(fillPlaceholders(text, AT, timeZone)).toBe(filled);
  });

  it('gives midnight as 00, and days as they are when clocks are changed', () => {
    expect(fillPlaceholders('{{date}} {{time}}', Date.parse('2026-10-25T22:00Z'), 'Etc/GMT-2')).toBe(
      '2026-10-26 00-00-00',
    );
    const [before, after] = ['2026-10-25T00:30Z', '2026-10-25T01:30Z'].map((at) =>
      fillPlaceholders('{{date}} {{time}}', Date.parse(at), 'Europe/Berlin'),
    );
    expect([before, after]).toEqual(['2026-10-25 02-30-00', '2026-10-25 02-30-00']);
  });

  it('refuses a time zone that there is not', () => {
    expect(() => fillPlaceholders('{{date}}', AT, 'Mars/Olympus')).toThrow(RangeError);
  });
});

describe('unknownPlaceholders', () => {
  test.each([
    ['{{date}}/{{ time }}.jsonl', []],
    ['{{Date}}/{{hour}}/{{}}', ['Date', 'hour', '']],
  ])('finds in %s: %j', (text, unknown) => {
    expect(unknownPlaceholders(text)).toEqual(unknown);
  });
});

describe('inputAt', () => {
  it('fills the input and the output, and leaves the rest', () => {
    const batch = { input: 'in-{{date}}', output: 'out-{{time}}', endpoint: '{{date}}', timeZone: 'Asia/Kolkata' };
    expect(inputAt({ ...batch, origin: 'in' }, AT).origin).toBe('in');
    expect(inputAt(batch, AT)).toEqual({
      ...batch,
      origin: 'in-{{date}}',
      input: 'in-2026-11-30',
      output: 'out-05-00-05',
    });
    expect(inputAt({ input: 'a' }, AT)).toEqual({ input: 'a' });
  });
});

describe('the output of a run', () => {
  test.each<[output: string, isTaken: boolean]>([
    ['/out/x.jsonl', true],
    ['C:\\out\\x.jsonl', true],
    ['out/{{date}}.jsonl', true],
    ['x.jsonl', true],
    ['', false],
    ['/', false],
    ['/out/', false],
    ['out/', false],
    ['../x.jsonl', false],
    ['a/../../x.jsonl', false],
    ['./x.jsonl', false],
    ['runs/a/results.jsonl', false],
    ['inputs', false],
  ])('%s is taken: %s', (output, isTaken) => {
    expect(batchInputSchema.safeParse({ input: 'a', output }).success).toBe(isTaken);
  });
});
