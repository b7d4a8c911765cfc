import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCounts, countFailure, countModel, failureKind, NO_COUNTS } from '../../src/batch/counts.js';

const event = fc.record({
  model: fc.constantFrom('a', 'b', 'constructor', 'toString', ''),
  error: fc.constantFrom('503: no nodes available', 'timeout: no answer', 'constructor: odd', 'no colon'),
});

describe('counts', () => {
  it.each([
    ['503: no nodes available', '503'],
    ['timeout: no answer within 120 s', 'timeout'],
    ['bad response: the answer is not JSON', 'bad response'],
    ['something else', 'error'],
    [': odd', 'error'],
  ])('call the error "%s" a %s', (error, kind) => {
    expect(failureKind(error)).toBe(kind);
  });

  it('of failures are the sum of their kinds, also for names that every object inherits', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const counts = events.reduce((sum, { model, error }) => countFailure(sum, model, error), NO_COUNTS);
        const kinds = Object.values(counts.failedByKind).reduce((sum, count) => sum + count, 0);
        const models = Object.values(counts.models).reduce((sum, { failed }) => sum + failed, 0);
        expect(counts.failed).toBe(events.length);
        expect(kinds).toBe(events.length);
        expect(models).toBe(events.filter(({ model }) => model !== '').length);
      }),
    );
  });

  it('of two halves add up to the whole, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), fc.nat({ max: 20 }), (events, cut) => {
        const count = (some: typeof events) =>
          some.reduce((sum, { model, error }) => countFailure(sum, model, error), NO_COUNTS);
        expect(addCounts(count(events.slice(0, cut)), count(events.slice(cut)))).toEqual(count(events));
      }),
    );
  });

  it('of a model rise by what is given and keep the rest', () => {
    const once = countModel(NO_COUNTS, 'a', { ok: 2, tokens: 10 });
    const twice = countModel(once, 'a', { fallbacks: 1, tokens: 5 });
    expect(twice.models).toEqual({ a: { sent: 0, ok: 2, failed: 0, fallbacks: 1, tokens: 15 } });
  });
});
