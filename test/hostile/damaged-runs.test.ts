import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InputError } from '../../src/input/errors.js';
import { StorageError } from '../../src/storage/storage.js';
import { readAnswerText } from '../../src/store/answers.js';
import { describeStoredRun } from '../../src/store/describe-run.js';
import { failItems } from '../../src/store/fail-items.js';
import { itemsOf, ReconciliationError, writePart } from '../../src/store/merge.js';
import { openPackItems } from '../../src/store/pack-items.js';
import { partialLines } from '../../src/store/partial-lines.js';
import { recoverChunk } from '../../src/store/recover.js';
import { assembleResults, streamResults } from '../../src/store/results.js';
import { listSegments, readOutcomes } from '../../src/store/segments.js';
import { readStoredSettings } from '../../src/store/settings.js';
import { collect } from '../input/helpers.js';
import {
  answer,
  append,
  DIRECTORY,
  failedTry,
  failure,
  partInput,
  RUN,
  type StoreWorld,
  stage,
} from '../store/store-world.js';
import { summaryOf } from '../support/summary.js';

/*
 * Any damage to any file of a run: whatever is read of it afterwards is what was written, or not there, or an error that
 * names the file. Never an answer that nobody gave.
 */

const PROMPTS = ['zero', 'one', '!no json', 'three', 'four', 'five'];
const OUTPUTS = ['short', 'a "quoted" answer, with an ü and a \n', 'x'.repeat(300)];

/** What happens to a file: `at` and `length` are parts of its size. */
type Damage =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'zero' | 'noise' | 'cut' | 'repeat' | 'lose'; readonly at: number; readonly length: number };

const portion = fc.double({ min: 0, max: 0.999, noNaN: true });
const damages: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: portion, bit: fc.nat(7) }) },
  fc.record({
    kind: fc.constantFrom('zero' as const, 'noise' as const, 'cut' as const, 'repeat' as const, 'lose' as const),
    at: portion,
    length: portion,
  }),
);

function damaged(content: Buffer, damage: Damage): Buffer | undefined {
  const at = Math.floor(content.length * damage.at);
  if (damage.kind === 'flip') {
    const copy = Buffer.from(content);
    copy[at] = (copy[at] ?? 0) ^ (1 << damage.bit);
    return copy;
  }
  const end = at + Math.ceil((content.length - at) * damage.length);
  const [before, hit, after] = [content.subarray(0, at), content.subarray(at, end), content.subarray(end)];
  switch (damage.kind) {
    case 'zero':
      return Buffer.concat([before, Buffer.alloc(hit.length), after]);
    case 'noise':
      return Buffer.concat([before, hit.map((byte, position) => byte ^ (position * 167 + 13)), after]);
    case 'cut':
      return before;
    case 'repeat':
      return Buffer.concat([before, hit, hit, after]);
    case 'lose':
      return undefined;
  }
}

async function applyDamage({ storage }: StoreWorld, file: number, damage: Damage): Promise<void> {
  const keys = (await storage.list('')).sort();
  const key = keys[file % keys.length] ?? '';
  const path = storage.path(key);
  const content = damaged(readFileSync(path), damage);
  if (content === undefined) rmSync(path);
  else writeFileSync(path, content);
}

/** A run with records in two segments; with `part`, merged, and failed items asked again. */
async function run(hasPart: boolean): Promise<StoreWorld> {
  const world = await stage(PROMPTS);
  await append(world, answer(0, { output: OUTPUTS[0] ?? '' }), failedTry(1, 1), failure(3));
  await append(world, answer(1, { output: OUTPUTS[1] ?? '' }), answer(4, { output: OUTPUTS[2] ?? '' }), failure(5));
  if (!hasPart) return world;
  await writePart(world.storage, partInput(world), () => undefined);
  await assembleResults(world.storage, { run: RUN, chain: CHAIN, chunks: 1, summary: SUMMARY }, NOTHING);
  await append(world, answer(5, { output: 'later' }));
  return world;
}

/** Every output line that may ever be read of the run. */
const WRITTEN = new Set([
  ...[
    [0, OUTPUTS[0]],
    [1, OUTPUTS[1]],
    [4, OUTPUTS[2]],
    [5, 'later'],
  ].map(([item, output]) => JSON.stringify({ id: Number(item) + 1, model: 'm', output, tokens: 3 })),
  ...[3, 5].map((item) => JSON.stringify({ id: item + 1, model: 'm', error: '500: broken' })),
  ...[0, 1, 3, 4, 5].map((item) => JSON.stringify({ id: item + 1, model: null, error: '503: nobody' })),
]);

function isTyped(error: unknown): boolean {
  return error instanceof StorageError || error instanceof InputError || error instanceof ReconciliationError;
}

/** Returns what an action brings; undefined for a typed failure. Throws any other error. */
async function tried<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isTyped(error)) return undefined;
    throw error;
  }
}

function expectWritten(text: string | undefined): void {
  for (const line of text?.split('\n') ?? []) {
    // An invalid line of the input has an error line of its own.
    if (line !== '' && !/^\{"id":3,"model":null,"error":"invalid: /.test(line)) expect([...WRITTEN]).toContain(line);
  }
}

const joined = async (pieces: AsyncIterable<Uint8Array>) => Buffer.concat(await collect(pieces)).toString('utf8');

/** Reads the run in every way that there is. */
async function readAll({ storage, chunk }: StoreWorld): Promise<void> {
  const index = await tried(() => readOutcomes(storage, RUN, 0));
  for (const found of index?.answers.values() ?? []) {
    const text = await tried(() => readAnswerText(storage, found));
    expect([undefined, ...OUTPUTS, 'later']).toContain(text);
  }
  await tried(() => describeStoredRun(storage, RUN));
  const results = await tried(() => joined(streamResults(storage, RUN)));
  if (results !== undefined) expect(results.split('\n')).toHaveLength(PROMPTS.length + 1);
  expectWritten(results);
  expectWritten(await tried(() => joined(partialLines(storage, RUN))));
  const items = itemsOf(chunk).filter((item) => item !== 2);
  const read = await tried(async () =>
    collect(await openPackItems(storage, RUN, items, readStoredSettings(storage, RUN), true)),
  );
  for (const item of read ?? []) expect(item).toMatchObject({ prompt: PROMPTS[item.item], id: item.item + 1 });
}

/** Does what a run does that goes on. */
async function goOn({ storage, chunk }: StoreWorld, retryFailed: boolean): Promise<void> {
  await tried(() => recoverChunk(storage, { run: RUN, chunk, retryFailed }, () => undefined));
  const nobody = { run: RUN, chunk: 0, items: '0-1,3-5', target: '', error: '503: nobody' };
  await tried(() => failItems(storage, nobody, () => undefined));
  const part = await tried(() => writePart(storage, partInput({ storage, chunk, warnings: [] }), () => undefined));
  if (part === undefined) return;
  expectWritten(Buffer.from(await storage.get(DIRECTORY.part(0))).toString('utf8'));
  await tried(() => assembleResults(storage, { run: RUN, chain: CHAIN, chunks: 1, summary: SUMMARY }, NOTHING));
  const results = await tried(async () => joined(streamResults(storage, RUN)));
  expectWritten(results);
}

it.each([
  ['before it is merged', false],
  ['after', true],
])(
  'a run whose files are damaged in any way %s gives what was written, or an error that says so',
  async (_when, hasPart) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(30), damages), { minLength: 1, maxLength: 2 }),
        fc.boolean(),
        async (all, retryFailed) => {
          const world = await run(hasPart);
          for (const [file, damage] of all) await applyDamage(world, file, damage);
          await readAll(world);
          await goOn(world, retryFailed);
          await readAll(world);
        },
      ),
      { numRuns: 20 * Number(process.env.FAULT_ROUNDS ?? 1) },
    );
  },
);

it('a segment in which any single bit is turned loses that record, and no other', async () => {
  const world = await stage(['zero', 'one', 'two']);
  await append(world, answer(0), answer(1), failure(2));
  const [key = ''] = await listSegments(world.storage, RUN, 0);
  const path = world.storage.path(key);
  const content = readFileSync(path);
  const lines = content.toString('utf8').split('\n');
  for (let at = 0; at < content.length; at++) {
    writeFileSync(path, damaged(content, { kind: 'flip', at: at / content.length + 1e-9, bit: at % 8 }) ?? '');
    const index = await readOutcomes(world.storage, RUN, 0);
    const hit = content.subarray(0, at).toString('utf8').split('\n').length - 1;
    // A line end that is turned joins two lines.
    const isEnd = content[at] === 0x0a;
    const lost = isEnd ? [hit, hit + 1] : [hit];
    expect(index.items()).toEqual([0, 1, 2].filter((item) => !lost.includes(item)));
    expect(lines[hit]).toBeDefined();
  }
});

const NOTHING = { onPart: () => undefined, signal: new AbortController().signal };

const CHAIN = { namespace: 'default', firstRunId: 'first' };

const SUMMARY = summaryOf(RUN, 6, { ok: 3, failed: 2, skipped: 1, requests: 5 });
