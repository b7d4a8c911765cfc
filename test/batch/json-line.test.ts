import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLine } from '../../src/batch/json-line.js';

describe('jsonLine', () => {
  it.each<[string, unknown, string]>([
    ['plain text as JSON does', { a: 'ü 😀 "\\' }, '{"a":"ü 😀 \\"\\\\"}\n'],
    ['line separators of other readers escaped', '\u2028\u2029\u0085', '"\\u2028\\u2029\\u0085"\n'],
    ['half of a surrogate pair as U+FFFD', 'a\ud800b\udfff', '"a\ufffdb\ufffd"\n'],
    ['halves in the wrong order as two', '\udc00\ud800', '"\ufffd\ufffd"\n'],
    ['text that only looks like an escape as it is', '\\ud800 \\\\udfff', '"\\\\ud800 \\\\\\\\udfff"\n'],
    ['a backslash before half of a pair as both', '\\\ud800', '"\\\\\ufffd"\n'],
    ['keys like values', { '\u2028\ud800': 1 }, '{"\\u2028\ufffd":1}\n'],
  ])('writes %s', (_what, value, line) => {
    expect(jsonLine(value)).toBe(line);
  });

  it('is one line that reads back as the value with whole characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(0xffff)), (text, units) => {
        const value = text + String.fromCharCode(...units) + text;
        const line = jsonLine({ value });
        const whole = Buffer.from(value, 'utf8').toString('utf8');
        expect(JSON.parse(line)).toEqual({ value: whole });
        expect(line.slice(0, -1)).not.toMatch(/[\n\r\u0085\u2028\u2029]/);
        expect(Buffer.from(line).toString()).toBe(line);
      }),
    );
  });
});
