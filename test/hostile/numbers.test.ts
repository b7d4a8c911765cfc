import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCounts, type Counts, countModel, countsSchema, NO_COUNTS, spentTokens } from '../../src/batch/counts.js';
import { firstCredits, seeBalance, spentCredits, tokensForCredits } from '../../src/batch/credits.js';
import { amountFrom, countFrom, countSchema, MAX_AMOUNT, MAX_COUNT, sumCounts } from '../../src/batch/numbers.js';
import { applyList, MAX_TARGETS } from '../../src/batch/targets.js';
import { parseChatAnswer } from '../../src/dria/chat-answer.js';
import { classify } from '../../src/dria/classify.js';
import { isDriaError } from '../../src/dria/errors.js';
import { listFacts } from '../../src/dria/list-facts.js';
import { parseModels } from '../../src/dria/models.js';
import { parsePrices } from '../../src/dria/prices.js';
import { responseError } from '../../src/dria/response-error.js';
import { retryAfterMs } from '../../src/dria/retry-after.js';

/* Whatever an endpoint sends in the place of a number: what comes out is within its cap, or a typed error. */

const ODD = [1e308, -1e308, 5e-324, 0.5, -1, -0, 2 ** 53, Number.MAX_SAFE_INTEGER, '12', '9'.repeat(400), '1e308', ''];
const odd = fc.oneof(fc.constantFrom<unknown>(...ODD, null, [], {}, true), fc.double(), fc.integer(), fc.jsonValue());

const isCount = (value: number) => countSchema.safeParse(value).success;

it.each([
  [7, 7],
  [7.9, 7],
  ['12', 12],
  [1e308, MAX_COUNT],
  [Number.POSITIVE_INFINITY, MAX_COUNT],
  ['9'.repeat(400), MAX_COUNT],
  [-1, undefined],
  [Number.NaN, undefined],
  ['-1', undefined],
  ['many', undefined],
  [null, undefined],
])('%s counts as %s', (value, count) => {
  expect(countFrom(value)).toBe(count);
});

it('any number, or its digits, is an amount within the cap; all else is none', () => {
  fc.assert(
    fc.property(odd, (value) => {
      const amount = amountFrom(value);
      expect(amount === undefined || Math.abs(amount) <= MAX_AMOUNT).toBe(true);
    }),
  );
});

it('sums of counts stay safe integers', () => {
  const count = fc.integer({ min: 0, max: MAX_COUNT });
  fc.assert(fc.property(fc.array(count), (counts) => isCount(sumCounts(...counts))));
  const most: Counts = { ...countModel(NO_COUNTS, 'm', { tokens: MAX_COUNT }), tokens: MAX_COUNT, wastedTokens: 1e15 };
  const sum = addCounts(addCounts(most, most), most);
  expect(countsSchema.parse(sum)).toEqual(sum);
  expect(spentTokens(sum)).toBe(MAX_COUNT);
});

describe('an answer of an endpoint', () => {
  const asked = { prompt: 'p', maxTokens: 5, acceptEmpty: false, context: () => ({}) };
  const body = fc.oneof(
    fc.record({
      choices: fc.constant([{ message: { content: 'text' }, finish_reason: 'stop' }]),
      usage: fc.oneof(odd, fc.record({ total_tokens: odd, prompt_tokens: odd, completion_tokens: odd })),
      metadata: odd,
    }),
    fc.record({ choices: odd, error: odd, usage: odd }, { requiredKeys: [] }),
    fc.record({ choices: fc.array(fc.record({ message: odd, error: odd, finish_reason: odd })) }),
    fc.jsonValue(),
  );
  const text = fc.oneof(
    body.map((value) => JSON.stringify(value)),
    body.map((value) => `data: ${JSON.stringify(value)}\n\ndata: [DONE]\n\n`),
    fc.string({ unit: 'binary' }),
  );

  it('is an answer whose tokens are counts, or an error with a code', () => {
    fc.assert(
      fc.property(text, (sent) => {
        try {
          const answer = parseChatAnswer({ status: 200, headers: {}, text: sent }, 1, asked);
          expect([answer.totalTokens, answer.promptTokens, answer.completionTokens].every(isCount)).toBe(true);
          expect(answer.totalTokens).toBeLessThanOrEqual(1e9);
        } catch (error) {
          expect(isDriaError(error), String(error)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each<[unknown, number]>([
    [1e308, 1e9],
    [12.7, 12],
    ['12', 12],
  ])('with a usage of %s counts %s tokens', (total, tokens) => {
    const sent = JSON.stringify({ choices: [{ message: { content: 'x' } }], usage: { total_tokens: total } });
    expect(parseChatAnswer({ status: 200, headers: {}, text: sent }, 1, asked).totalTokens).toBe(tokens);
  });

  it('that is an error of any status and body is a typed error with a wait of 24 h or less', () => {
    const status = fc.integer({ min: 300, max: 999 });
    const headers = fc.dictionary(
      fc.constantFrom('retry-after', 'retry-after-ms', 'date', 'x-ratelimit-reset-requests', 'location'),
      fc.oneof(fc.string(), fc.constantFrom('1e308', '9'.repeat(400), '-5', '0', 'Fri, 31 Dec 9999 23:59:59 GMT')),
    );
    fc.assert(
      fc.property(status, headers, text, (code, fields, sent) => {
        const answer = { status: code, headers: fields, text: sent };
        const error = responseError(answer, {});
        expect(isDriaError(error)).toBe(true);
        expect(error.message.length).toBeLessThanOrEqual(600);
        for (const ms of [error.retryAfterMs, retryAfterMs(fields, 0), classify(answer, {}).retryAfterMs]) {
          expect(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0 && ms <= 86_400_000), `${ms}`).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a list of models', () => {
  const entry = fc.oneof(
    fc.record(
      {
        id: fc.oneof(fc.constantFrom<unknown>('a', 'a', '', ' ', 'x'.repeat(10_000), '__proto__'), odd),
        nodes: odd,
        metadata: fc.oneof(odd, fc.record({ node_count: odd })),
        pricing: fc.oneof(odd, fc.record({ prompt: odd, completion: odd, request: odd })),
        modality: odd,
      },
      { requiredKeys: [] },
    ),
    fc.jsonValue(),
  );

  it('with anything in it has models with a name once, nodes from 1 to a million, and prices within the cap', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(entry), fc.record({ data: fc.array(entry) }), fc.jsonValue()), (body) => {
        listFacts(body);
        for (const price of Object.values(parsePrices(body))) {
          for (const amount of Object.values(price)) expect(amount >= 0 && amount <= MAX_AMOUNT).toBe(true);
        }
        try {
          const models = parseModels(body);
          expect(new Set(models.map(({ id }) => id)).size).toBe(models.length);
          for (const { id, nodes } of models) {
            expect(id.trim().length > 0 && id.length <= 256).toBe(true);
            expect(Number.isSafeInteger(nodes) && nodes >= 1 && nodes <= 1_000_000, `${nodes}`).toBe(true);
          }
        } catch (error) {
          expect(isDriaError(error), String(error)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([3_000, 100_000])('of %i models gives a run the 200 with most nodes', (count) => {
    const list = parseModels(Array.from({ length: count }, (_, n) => ({ id: `m${n}`, nodes: n === 7 ? 1e308 : 1 })));
    expect(list.length).toBe(Math.min(count, 10_000));
    const targets = applyList([], list);
    expect(targets).toHaveLength(MAX_TARGETS);
    expect(targets.find(({ id }) => id === 'm7')?.nodes).toBe(1_000_000);
  });
});

it('balances of any size leave what was spent, and the tokens that may be, finite and within the caps', () => {
  const balance = odd.map(amountFrom).filter((amount) => amount !== undefined);
  const tokens = fc.integer({ min: 0, max: MAX_COUNT });
  fc.assert(
    fc.property(balance, fc.array(fc.tuple(balance, tokens)), tokens, (first, looks, round) => {
      const seen = looks.reduce((known, [amount, spent]) => seeBalance(known, amount, spent), firstCredits(first));
      const spent = spentCredits(seen);
      expect(spent >= 0 && spent <= 2 * MAX_AMOUNT, `${spent}`).toBe(true);
      expect(isCount(tokensForCredits(seen, 100, round))).toBe(true);
    }),
  );
});
