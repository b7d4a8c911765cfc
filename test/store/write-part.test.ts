import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { answerFacts, failureFacts } from '../../src/batch/part-facts.js';
import type { Storage } from '../../src/storage/storage.js';
import { ReconciliationError, writePart } from '../../src/store/merge.js';
import { type OutcomeRecord, outcomeLine } from '../../src/store/outcomes.js';
import { findPart, readPartFacts } from '../../src/store/parts.js';
import { listSegments } from '../../src/store/segments.js';
import { FaultyStorage } from '../activities/faulty-storage.js';
import {
  answer,
  append,
  DIRECTORY,
  failedTry,
  failure,
  fiveItems,
  linesIn,
  partInput,
  RUN,
  type StoreWorld,
  stage,
} from './store-world.js';

const write = (world: StoreWorld, more: Parameters<typeof partInput>[1] = {}, storage: Storage = world.storage) =>
  writePart(storage, partInput(world, more), (message) => world.warnings.push(message));

const all = [0, 1, 2, 3, 4];

describe('writePart', () => {
  it('merges the records of all segments in the order of the input', async () => {
    const world = await fiveItems();
    await append(world, answer(4), failedTry(2, 1), answer(3));
    await append(world, failure(1, { target: '', error: '503: no nodes available' }), answer(0), failure(2));
    await write(world);
    const text = Buffer.from(await world.storage.get(DIRECTORY.part(0))).toString('utf8');
    expect(text.split('\n')).toEqual([
      '{"id":1,"model":"m","output":"answer 0","tokens":3}',
      '{"id":2,"model":null,"error":"503: no nodes available"}',
      '{"id":3,"model":"m","error":"500: broken"}',
      '{"id":4,"model":"m","output":"answer 3","tokens":3}',
      '{"id":5,"model":"m","output":"answer 4","tokens":3}',
      '',
    ]);
  });

  it('counts how items ended from the records, and takes what was sent from the input', async () => {
    const world = await fiveItems();
    await append(
      world,
      answer(0, { truncated: true }),
      answer(1),
      failure(2),
      failure(3, { target: 'n', error: '429: x' }),
    );
    await append(world, failure(4, { target: '' }));
    const model = { sent: 12, ok: 99, failed: 99, fallbacks: 2, tokens: 99 };
    const sent = { ...NO_COUNTS, ok: 99, requests: 12, retries: 3, empty: 1, wastedTokens: 7, models: { m: model } };
    const { counts } = await write(world, { counts: sent });
    expect(counts).toEqual({
      ...NO_COUNTS,
      ok: 2,
      failed: 3,
      truncated: 1,
      tokens: 6,
      requests: 12,
      retries: 3,
      empty: 1,
      wastedTokens: 7,
      failedByKind: { '500': 2, '429': 1 },
      latency: { '13': 2 },
      models: {
        m: { sent: 12, ok: 2, failed: 1, fallbacks: 2, tokens: 6 },
        n: { sent: 0, ok: 0, failed: 1, fallbacks: 0, tokens: 0 },
      },
    });
    expect(await findPart(world.storage, RUN, 0)).toEqual({ counts });
  });

  it('keeps when and how fast the answers came, and how often the failed items were asked', async () => {
    const world = await fiveItems();
    await append(world, answer(0, { truncated: true }), answer(3), answer(4));
    await append(world, failure(1, { target: '', attempts: 0, tried: [] }), failure(2, { tried: ['a', 'b', 'a'] }));
    await write(world);
    const facts = await readPartFacts(world.storage, RUN, 0);
    if (facts === undefined) throw new Error('there are no facts');
    expect([...answerFacts(facts)]).toEqual([
      [0, { at: 1000, ms: 10, truncated: true }],
      [3, { at: 1003, ms: 10 }],
      [4, { at: 1004, ms: 10 }],
    ]);
    expect([...failureFacts(facts).values()]).toEqual([
      { item: 1, attempts: 0, tried: [] },
      { item: 2, attempts: 4, tried: ['a', 'b'] },
    ]);
  });

  it('writes with detail how often and whom a failed item was asked', async () => {
    const world = await fiveItems();
    await append(world, ...all.map((item) => failure(item, { tried: ['a', 'b', 'a', 'm'] })));
    await write(world, { detail: true });
    expect((await linesIn(world.storage, DIRECTORY.part(0)))[4]).toEqual({
      ...{ id: 5, model: 'm', error: '500: broken', attempts: 4 },
      models_tried: ['a', 'b', 'm'],
    });
  });

  it('writes with detail the answer that did not satisfy the schema, and without it does not', async () => {
    const world = await fiveItems();
    const invalid = { text: '{"n": "ünd\u2028"}', length: 13 };
    const cut = { text: '{"n": ', length: 90_000 };
    await append(world, answer(0), failure(1, { invalid }), answer(2), failure(3, { invalid: cut }), failure(4));
    await write(world, { detail: true });
    const detailed = await linesIn(world.storage, DIRECTORY.part(0));
    expect(detailed.map(({ invalid_output }) => invalid_output)).toEqual([
      undefined,
      invalid.text,
      undefined,
      '{"n": … (90000 characters)',
      undefined,
    ]);
    expect(detailed[1]).toMatchObject({ id: 2, error: '500: broken', attempts: 4 });
    const other = await fiveItems();
    await append(other, ...all.map((item) => failure(item, { invalid })));
    await write(other);
    expect((await linesIn(other.storage, DIRECTORY.part(0)))[3]).toEqual({ id: 4, model: 'm', error: '500: broken' });
  });

  it('writes an error line for each invalid line that was skipped', async () => {
    const world = await stage(['zero', '!not json', 'two']);
    await append(world, answer(0), answer(2));
    const { counts } = await write(world);
    expect(counts).toMatchObject({ ok: 2, failed: 0, skipped: 1 });
    const written = await linesIn(world.storage, DIRECTORY.part(0));
    expect(written[1]).toMatchObject({ id: 2, model: null, error: expect.stringMatching(/^invalid: /) });
    expect(written).toHaveLength(3);
  });

  it('copies an answer as it was written: order of fields, escapes and numbers stay', async () => {
    const world = await stage(['zero']);
    const output = '"result":{ \u2028\u0085\ud800 \\ud800 ü 😀 \n';
    const result = { id: 1, model: 'm', output, parsed: { b: 1e21, a: -0.5 }, tokens: 3 };
    await append(world, { item: 0, result, truncated: false });
    await write(world);
    const text = Buffer.from(await world.storage.get(DIRECTORY.part(0))).toString('utf8');
    expect(text).toBe(
      '{"id":1,"model":"m","output":"\\"result\\":{ \\u2028\\u0085\ufffd \\\\ud800 ü 😀 \\n","parsed":{"b":1e+21,"a":-0.5},"tokens":3}\n',
    );
  });

  it('may be done again: the part stays, the segments are gone', async () => {
    const world = await fiveItems();
    await append(world, ...all.map((item) => answer(item)));
    const first = await write(world);
    const written = await world.storage.get(DIRECTORY.part(0));
    expect(await listSegments(world.storage, RUN, 0)).toEqual([]);
    expect(await write(world)).toEqual(first);
    expect(await world.storage.get(DIRECTORY.part(0))).toEqual(written);
  });

  it('returns the counts of the part that is there, not of outcomes that came too late for it', async () => {
    const world = await fiveItems();
    await append(world, ...all.map((item) => answer(item)));
    const first = await write(world);
    await append(world, ...all.map((item) => failure(item)));
    expect(await write(world)).toEqual(first);
  });

  it('fails with the items that have no outcome, and keeps what is there', async () => {
    const world = await fiveItems();
    await append(world, answer(0), failedTry(1, 1), failure(2), answer(3));
    await expect(write(world)).rejects.toThrow(
      new ReconciliationError('chunk 0 has 5 items, but 2 have no outcome: items 1, 4'),
    );
    expect(await world.storage.size(DIRECTORY.part(0))).toBeUndefined();
    expect(await listSegments(world.storage, RUN, 0)).toHaveLength(1);
  });

  it('lets another attempt win that has written the part and removed the segments meanwhile', async () => {
    const world = await fiveItems();
    await append(world, ...all.map((item) => answer(item)));
    let rival = async (): Promise<unknown> => await write(world);
    const raced = new (class extends FaultyStorage {
      override async stream(key: string) {
        const [isFirst, compete] = [key.includes('/segments/'), rival];
        if (isFirst) rival = async () => undefined;
        if (isFirst) await compete();
        return await super.stream(key);
      }
    })(world.storage, () => false);
    expect(await write(world, {}, raced)).toMatchObject({ counts: { ok: 5 } });
    expect(await linesIn(world.storage, DIRECTORY.part(0))).toHaveLength(5);
  });

  it('keeps the segments when the disk is full', async () => {
    const world = await fiveItems();
    await append(world, ...all.map((item) => answer(item)));
    const full = new FaultyStorage(world.storage, (call, key) => call === 'putStream' && key.includes('/parts/'));
    await expect(write(world, {}, full)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await listSegments(world.storage, RUN, 0)).toHaveLength(1);
  });
});

/** One record of an item; which of several wins is in its text. */
function recordOf(kind: 'answer' | 'failure' | 'try', item: number, text: string): OutcomeRecord {
  if (kind === 'answer') return answer(item, { output: text });
  return kind === 'failure' ? failure(item, { error: `500: ${text}` }) : failedTry(item, 1);
}

const records = fc.array(
  fc.record({ kind: fc.constantFrom('answer' as const, 'failure' as const, 'try' as const), item: fc.nat(5) }),
  { maxLength: 20 },
);

describe('records of any segments in any order', () => {
  it('give exactly one line an item: the first answer, else the last failure', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(records, { minLength: 1, maxLength: 4 }), async (segments) => {
        const world = await stage(['0', '1', '2', '3', '4', '5']);
        // Every item has an outcome, whatever else is there.
        const written = [...segments, all.concat(5).map((item) => ({ kind: 'failure' as const, item }))].map(
          (segment, at) => segment.map(({ kind, item }, position) => recordOf(kind, item, `${at}/${position}`)),
        );
        for (const [at, segment] of written.entries()) {
          const name = DIRECTORY.segment(0, `${at}`);
          await world.storage.put(name, segment.map((record) => outcomeLine(record)).join(''));
        }
        const { counts } = await write(world);
        const lines = await linesIn(world.storage, DIRECTORY.part(0));
        const expected = all.concat(5).map((item) => {
          const own = written.flat().filter((record) => record.item === item);
          const answered = own.find((record) => 'result' in record);
          const failed = own.findLast((record) => 'failure' in record);
          if (answered !== undefined && 'result' in answered) return answered.result.output;
          return failed !== undefined && 'failure' in failed ? failed.failure.error : undefined;
        });
        expect(lines.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6]);
        expect(lines.map(({ output, error }) => output ?? error)).toEqual(expected);
        expect(counts.ok).toBe(lines.filter(({ output }) => output !== undefined).length);
        expect(counts.failed).toBe(6 - counts.ok);
      }),
      { numRuns: 30 },
    );
  });
});
