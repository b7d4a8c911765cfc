import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeProblem } from '../../src/batch/change.js';
import type { ChunkReport } from '../../src/batch/chunk-messages.js';
import { readOrders, readReport } from '../../src/batch/message-schemas.js';
import { MAX_COUNT } from '../../src/batch/numbers.js';
import { ordersFor } from '../../src/batch/permits.js';
import { report, runOf, started } from '../batch/run-of-state.js';

/* What reaches a workflow by a signal or an update: whoever may use the server can send anything. */

const STATE = started(runOf(['t9v1']), 't9v1', 4);
const ORDERS = ordersFor(STATE, 0);
const REPORT = report(0, { inFlight: 2, returned: 2, open: 3, ready: 1 });

const ODD = [null, undefined, 1, -1, 0.5, 1e308, '', 'text', [], {}, true, 'x'.repeat(10_000), MAX_COUNT + 1];
const odd = fc.oneof(fc.constantFrom<unknown>(...ODD), fc.jsonValue());

describe('a report or orders', () => {
  it('of the workflows themselves are read as they are', () => {
    expect(readReport(STATE, REPORT)).toEqual({ value: REPORT });
    expect(readOrders(ORDERS)).toEqual({ value: ORDERS });
  });

  it('that are anything else are a problem in words, and never an error', () => {
    fc.assert(
      fc.property(odd, (message) => {
        for (const received of [readReport(STATE, message), readOrders(message)]) {
          expect(received).toEqual({ problem: expect.stringMatching(/^\S.{0,300}$/s) });
        }
      }),
    );
  });

  it.each(['report', 'orders'])(
    '%s with one field that is wrong is a problem, or a message with other values',
    (kind) => {
      const message: object = kind === 'report' ? REPORT : (ORDERS ?? {});
      const field = fc.constantFrom(...Object.keys(message));
      fc.assert(
        fc.property(field, odd, (name, value) => {
          const changed = { ...message, [name]: value };
          const received = kind === 'report' ? readReport(STATE, changed) : readOrders(changed);
          expect('problem' in received || JSON.stringify(received.value).length < 20_000).toBe(true);
          if (!('value' in received)) return;
          // As a payload it stays what it is; -0 is 0 there.
          const sent = JSON.stringify(received.value);
          expect(JSON.stringify(JSON.parse(sent))).toBe(sent);
        }),
        { numRuns: 500 },
      );
    },
  );

  it.each<[string, Partial<ChunkReport>, string]>([
    ['a chunk that does not run', { chunk: 5 }, 'chunk 5 is not running'],
    ['more permits than were granted', { returned: 5 }, '5 permits returned of 4'],
    ['a revision to come', { revision: 1 }, 'revision 1 is not known'],
    ['more items than there are', { counts: { ...REPORT.counts, ok: 11 } }, '11 of 10 items have ended'],
    ['half a permit', { inFlight: 0.5 }, 'inFlight: '],
    ['tokens without end', { counts: { ...REPORT.counts, tokens: 1e308 } }, 'counts.tokens: '],
    ['a stop that is none', { stop: { type: 'Other', message: '', askedAt: 0 } as never }, 'stop.type: '],
  ])('of %s is ignored', (_, more, problem) => {
    expect(readReport(STATE, { ...REPORT, ...more })).toEqual({ problem: expect.stringContaining(problem) });
  });
});

it('a change of a run is refused by field, whatever it is', () => {
  const change = fc.oneof(odd, fc.dictionary(fc.constantFrom('concurrency', 'model', 'maxCredits', 'other'), odd));
  fc.assert(
    fc.property(change, (sent) => {
      const problem = changeProblem(sent);
      if (problem !== undefined) return;
      const { concurrency = 1, maxCredits = 1, model = 'm' } = sent as Record<string, unknown>;
      expect(Number.isInteger(concurrency)).toBe(true);
      expect(maxCredits === null || Number.isFinite(maxCredits)).toBe(true);
      expect(model === null || (typeof model === 'string' && model.length <= 1_000)).toBe(true);
    }),
  );
});
