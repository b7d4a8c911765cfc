import { truncate, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { NO_COUNTS } from '../../src/batch/counts.js';
import type { PartInput } from '../../src/batch/step-contract.js';
import { OFFSET_BYTES } from '../../src/input/offsets.js';
import { ATTACHMENT_RECORD_BYTES, encodeAttachment } from '../../src/store/attachment-index.js';
import { inputKey, runDirectory } from '../../src/store/run-directory.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, CHAIN, failureOf, RUN } from '../support/activity-env.js';
import { summaryOf } from '../support/summary.js';

/*
 * Objects are synced before they count (test/storage/power-cut.test.ts). A disk that says so and does not do it, or that
 * goes bad later, leaves files that are short, empty or full of zeros: none of them may pass for what was written.
 */

const directory = runDirectory(RUN);
const CHUNK = { chunk: 0, first: 0, layout: 't5' };
const PROMPTS = ['zero', 'one', 'two', 'three', 'four'];

async function open() {
  const network = await simulator();
  const world = await ActivityWorld.open({ baseUrl: network.url });
  await world.prepare(PROMPTS);
  const asked = async (): Promise<string[]> => {
    const record = await (await fetch(`${network.url}/_sim/requests`)).text();
    return record.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).prompt]));
  };
  return { world, asked };
}

/** Ways in which a file may be found after a power cut that took what was not on the disk. */
const DAMAGES: readonly [string, (path: string, size: number) => Promise<void>][] = [
  ['empty', (path) => truncate(path, 0)],
  ['cut in the middle of a line', (path, size) => truncate(path, size - 10)],
  ['full of zeros', (path, size) => writeFile(path, Buffer.alloc(size))],
];

/** Damages an object; `keep` of its bytes stay. */
async function cut({ storage }: ActivityWorld, key: string, keep: number): Promise<void> {
  await truncate(storage.path(key), keep);
}

async function damage({ storage }: ActivityWorld, key: string, how: (typeof DAMAGES)[number][1]): Promise<void> {
  await how(storage.path(key), (await storage.size(key)) ?? 0);
}

const PART: PartInput = { run: RUN, chunk: CHUNK, detail: false, counts: NO_COUNTS };

const recover = (world: ActivityWorld) => world.run('recoverChunk', { run: RUN, chunk: CHUNK, retryFailed: false });

async function ids(world: ActivityWorld, key: string): Promise<number[]> {
  const text = await world.text(key);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line).id);
}

/** Asks all five items and merges their outcomes. */
async function writePart(world: ActivityWorld): Promise<void> {
  const { counts } = await world.infer('0-4');
  await world.run('writePart', { ...PART, counts });
}

describe('a damaged segment', () => {
  it.each(DAMAGES)('that is %s makes no part: the run fails loudly', async (_how, how) => {
    const { world } = await open();
    await world.infer('0-4');
    const [key = ''] = await world.segmentKeys();
    await damage(world, key, how);
    const failure = await failureOf(world.run('writePart', PART));
    expect(failure).toMatchObject({ type: 'ReconciliationFailed', nonRetryable: true });
    expect(await world.storage.size(directory.part(0))).toBeUndefined();
  });

  it.each(DAMAGES)(
    'that is %s: a run that goes on has the whole answers, and the others are open',
    async (how, spoil) => {
      const { world } = await open();
      await world.infer('0-4');
      const [key = ''] = await world.segmentKeys();
      await damage(world, key, spoil);
      expect((await recover(world)).items).toBe(how === 'cut in the middle of a line' ? '0-3' : '');
    },
  );
});

describe('a damaged part', () => {
  it.each(DAMAGES)(
    'that is %s is not taken for the chunk by a run that goes on, and is written anew',
    async (_how, how) => {
      const { world } = await open();
      await writePart(world);
      await damage(world, directory.part(0), how);
      expect(await recover(world)).toEqual({ items: '', counts: NO_COUNTS });
      await world.infer('0-4', {}, { activityId: 'pack-2', attempt: 2 });
      expect(await world.run('writePart', PART)).toMatchObject({ counts: { ok: 5 } });
      expect(await ids(world, directory.part(0))).toEqual([1, 2, 3, 4, 5]);
    },
  );

  it.each(DAMAGES)('that is %s makes no results: the run fails loudly', async (_how, how) => {
    const { world } = await open();
    await writePart(world);
    await damage(world, directory.part(0), how);
    const failure = await failureOf(
      world.run('assembleResults', { run: RUN, chain: CHAIN, chunks: 1, summary: SUMMARY }),
    );
    expect(failure.nonRetryable).toBe(true);
    expect(failure.message).toContain(`${directory.part(0)}: it is damaged`);
    expect(await world.storage.size(directory.results)).toBeUndefined();
    expect(await world.storage.size(directory.summary)).toBeUndefined();
  });

  it.each(DAMAGES)('whose counts are %s is not taken for the chunk', async (_how, how) => {
    const { world } = await open();
    await writePart(world);
    await damage(world, directory.partCounts(0), how);
    expect(await recover(world)).toEqual({ items: '', counts: NO_COUNTS });
  });
});

it('a part whose counts are those of something else is not taken for the chunk', async () => {
  const { world } = await open();
  await writePart(world);
  await world.storage.put(directory.partCounts(0), JSON.stringify(NO_COUNTS));
  expect(await recover(world)).toEqual({ items: '', counts: NO_COUNTS });
});

describe('a damaged input', () => {
  it.each([
    ['the places of its items', directory.offsets, 2 * OFFSET_BYTES],
    ['the places of its items, in the middle of a record', directory.offsets, 2 * OFFSET_BYTES + 5],
    ['the settings', directory.settings, 30],
  ])('that has lost some of %s: the pack fails for good, and nothing is asked', async (_what, key, keep) => {
    const { world, asked } = await open();
    await cut(world, key, keep);
    const failure = await failureOf(world.infer('1-3'));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: true });
    expect(failure.message).toContain(`${key}: it is damaged`);
    expect(await asked()).toEqual([]);
  });

  it('that has lost its attachments is not asked without them', async () => {
    const { world, asked } = await open();
    const batch = { input: `${world.folder}/in.jsonl`, attachments: { folder: world.folder, staged: true } };
    await world.run('readManifest', { run: RUN, chain: CHAIN, batch });
    const records = PROMPTS.map(() => encodeAttachment(undefined));
    await world.storage.put(directory.attachments, Buffer.concat(records));
    await cut(world, directory.attachments, 2 * ATTACHMENT_RECORD_BYTES);
    const failure = await failureOf(world.infer('1-3'));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: true });
    expect(failure.message).toContain(`${directory.attachments}: it is damaged`);
    expect(await asked()).toEqual([]);
  });

  it.each(DAMAGES)('whose content is %s: its items are not asked', async (how, spoil) => {
    const { world, asked } = await open();
    const key = inputKey(JSON.parse(await world.text(directory.manifest)).sha256);
    await damage(world, key, spoil);
    const failure = await failureOf(world.infer('0-4', {}, { activityId: how }));
    expect(failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(await asked()).not.toContain('four');
  });

  it.each(DAMAGES)('whose manifest is %s is not read as another one', async (_how, how) => {
    const { world } = await open();
    await damage(world, directory.manifest, how);
    const batch = { input: `${world.folder}/in.jsonl` };
    const failure = await failureOf(world.run('readManifest', { run: RUN, chain: CHAIN, batch }));
    expect(failure).toMatchObject({ type: 'StorageUnavailable', nonRetryable: true });
    expect(failure.message).toContain(`${directory.manifest}: it is damaged`);
  });

  it.each([
    ['empty', 0],
    ['cut', 20],
  ])('that is %s and whose source is there is staged anew', async (_how, keep) => {
    const { world } = await open();
    const key = inputKey(JSON.parse(await world.text(directory.manifest)).sha256);
    await cut(world, key, keep);
    await cut(world, directory.offsets, keep);
    await world.run('readManifest', { run: RUN, chain: CHAIN, batch: { input: `${world.folder}/in.jsonl` } });
    expect(await world.infer('0-4')).toMatchObject({ counts: { ok: 5 } });
  });
});

const SUMMARY = summaryOf(RUN, 5);
