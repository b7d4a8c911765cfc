import { expect, it } from 'vitest';
import { NO_COUNTS } from '../../src/batch/counts.js';
import type { BatchInput } from '../../src/batch/run.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, CHAIN } from '../support/activity-env.js';

/** Reads the manifest of a run under its own id. */
async function begin(world: ActivityWorld, run: string, prompts: readonly string[], batch: Partial<BatchInput> = {}) {
  const input = await world.file('in.jsonl', prompts.map((prompt) => `${JSON.stringify({ prompt })}\n`).join(''));
  const chain = { ...CHAIN, firstRunId: run };
  return await world.run('readManifest', { run, chain, batch: { input, ...batch } });
}

/** Asks a run's items and writes its only part. */
async function answer(world: ActivityWorld, run: string, items: string, options = {}): Promise<void> {
  await world.infer(items, { run, options: { maxTokens: 2048, temperature: 0.7, ...options } });
}

async function writePart(world: ActivityWorld, run: string): Promise<void> {
  const { chunks } = await world.run('readChunks', { run, from: 0 });
  for (const chunk of chunks) await world.run('writePart', { run, chunk, detail: false, counts: NO_COUNTS });
}

const layouts = async (world: ActivityWorld, run: string): Promise<string[]> =>
  (await world.run('readChunks', { run, from: 0 })).chunks.map(({ layout }) => layout);

it('takes the answers of the newest run of the same input, once, and notes it', async () => {
  const world = await ActivityWorld.open({ baseUrl: (await simulator()).url });
  expect(await begin(world, 'one', ['a', 'b', 'c'])).toMatchObject({ notes: [], manifest: { reused: 0 } });
  await answer(world, 'one', '0-1');
  const prepared = await begin(world, 'two', ['c', 'b', 'x', 'a'], { reuse: 'last' });
  expect(prepared).toMatchObject({
    hasOutcomes: false,
    manifest: { items: 4, modalities: { text: 2 }, reused: 2 },
    notes: ['2 of 4 answers are taken from one; 2 items are asked'],
  });
  expect(await layouts(world, 'two')).toEqual(['t1T1t1T1']);
  // What the other run has got since then changes nothing when the activity is done again.
  await answer(world, 'one', '2');
  expect(await begin(world, 'two', ['c', 'b', 'x', 'a'], { reuse: 'last' })).toEqual(prepared);
});

it('takes nothing that a run was asked otherwise, by a change of its options or from the start', async () => {
  const world = await ActivityWorld.open({ baseUrl: (await simulator()).url });
  await begin(world, 'one', ['a', 'b', 'c', 'd']);
  await answer(world, 'one', '0');
  await answer(world, 'one', '1', { model: 'qwen3.5:9b' });
  await answer(world, 'one', '2', { maxTokens: 9 });
  await answer(world, 'one', '3', { temperature: 0.1 });
  const two = await begin(world, 'two', ['a', 'b', 'c', 'd'], { reuse: 'one' });
  expect(await layouts(world, 'two')).toEqual(['T1t3']);
  expect(two.manifest.reused).toBe(1);
  const three = await begin(world, 'three', ['a'], { reuse: 'one', options: { model: 'nanbeige:3b', maxTokens: 9 } });
  expect(three.notes).toEqual([
    'no answers are reused: one was asked otherwise: maxTokens 2048, not 9, model none, not nanbeige:3b',
  ]);
});

it('asks again what is lost of the answers that it has taken', async () => {
  const world = await ActivityWorld.open({ baseUrl: (await simulator()).url });
  const options = { chunkSize: 4 };
  // Each chunk asks more than could be joined with the other.
  const prompts = ['a', 'b', 'w', 'x', 'c', 'd', 'y', 'z'];
  await begin(world, 'one', ['a', 'b', 'c'], { options: { chunkSize: 3 } });
  await answer(world, 'one', '0-2');
  await writePart(world, 'one');
  await begin(world, 'two', prompts, { options, reuse: 'one' });
  expect(await layouts(world, 'two')).toEqual(['T2t2', 'T1t3']);
  await world.storage.remove([runDirectory('two').reused(0)]);
  const again = await begin(world, 'two', prompts, { options, reuse: 'one' });
  expect(again.manifest).toMatchObject({ modalities: { text: 7 }, reused: 1 });
  expect(again.notes[1]).toBe('2 answers that were taken from an earlier run are damaged or gone, and asked for again');
  expect(await layouts(world, 'two')).toEqual(['t4', 'T1t3']);
});

it('takes nothing for a run that has answers of its own', async () => {
  const world = await ActivityWorld.open({ baseUrl: (await simulator()).url });
  for (const run of ['one', 'two']) {
    await begin(world, run, ['a', 'b']);
    await answer(world, run, '0');
  }
  const prepared = await begin(world, 'two', ['a', 'b'], { reuse: 'one' });
  expect(prepared).toMatchObject({ hasOutcomes: true, manifest: { reused: 0, modalities: { text: 2 } } });
  expect(prepared.notes[0]).toContain('the run has answers of its own');
});

it('finds the runs of one origin, whatever their inputs are called', async () => {
  const world = await ActivityWorld.open({ baseUrl: (await simulator()).url });
  const origin = 'in/{{date}}.jsonl';
  await begin(world, 'monday', ['a', 'b'], { origin });
  await answer(world, 'monday', '0-1');
  expect((await begin(world, 'tuesday', ['a', 'c'], { origin, reuse: 'last' })).manifest.reused).toBe(1);
  const other = await begin(world, 'other', ['a'], { origin: 'elsewhere', reuse: 'last' });
  expect(other.notes[0]).toMatch(/^no answers are reused: .* has no earlier run of this input$/);
});

it('asks items that are the same once, as the options say, and answers the twins of a file', async () => {
  const world = await ActivityWorld.open({ baseUrl: (await simulator()).url });
  const cold = await begin(world, 'cold', ['a', 'a'], { options: { temperature: 0 } });
  expect([cold.manifest.modalities.text, await layouts(world, 'cold')]).toEqual([1, ['t1p1']]);
  await begin(world, 'never', ['a', 'a'], { options: { temperature: 0, dedupe: 'never' } });
  expect(await layouts(world, 'never')).toEqual(['t2']);
  await begin(world, 'always', ['a', 'a'], { options: { dedupe: 'always' } });
  expect(await layouts(world, 'always')).toEqual(['t1p1']);
  await begin(world, 'warm', ['a', 'a']);
  expect(await layouts(world, 'warm')).toEqual(['t2']);
});
