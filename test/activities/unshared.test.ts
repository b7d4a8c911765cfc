import { readdir } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { inputKey } from '../../src/store/run-directory.js';
import { ActivityWorld, type AttemptOptions, CHAIN, failureOf, inferInput, RUN } from '../support/activity-env.js';

const baseUrl = 'http://127.0.0.1:9/v1';
const CHUNK = { chunk: 0, first: 0, items: 1, start: 0, end: 1, layout: 't1' };
const { latency: _none, ...COUNTS } = NO_COUNTS;
const SUMMARY = {
  runId: RUN,
  state: 'failed',
  outcome: 'none',
  ...COUNTS,
  items: 1,
  cancelled: 1,
  fallbacks: 0,
  failedByKind: {},
  startedAt: 1,
  endedAt: 2,
  models: [],
} as const;

let other: ActivityWorld;

/** A worker whose storage is not that of the run, which has been prepared. */
beforeEach(async () => {
  const first = await ActivityWorld.open({ baseUrl });
  await first.prepare(['a']);
  other = await ActivityWorld.open({ baseUrl });
});

const STEPS: Record<string, (attempt: AttemptOptions) => Promise<unknown>> = {
  readManifest: (attempt) =>
    other.run('readManifest', { run: RUN, chain: CHAIN, batch: { input: inputKey('0'.repeat(64)) } }, attempt),
  readChunks: (attempt) => other.run('readChunks', { run: RUN, from: 0 }, attempt),
  readCanary: (attempt) => other.run('readCanary', { run: RUN, items: 1 }, attempt),
  infer: (attempt) => other.run('infer', inferInput('0'), attempt),
  recoverChunk: (attempt) => other.run('recoverChunk', { run: RUN, chunk: CHUNK, retryFailed: false }, attempt),
  failItems: (attempt) =>
    other.run('failItems', { run: RUN, chunk: 0, items: '0', target: '', error: '503: none' }, attempt),
  endRun: (attempt) => other.run('endRun', { run: RUN, chain: CHAIN, summary: SUMMARY }, attempt),
  writePart: (attempt) => other.run('writePart', { run: RUN, chunk: CHUNK, detail: false, counts: NO_COUNTS }, attempt),
  assembleResults: (attempt) =>
    other.run('assembleResults', { run: RUN, chain: CHAIN, chunks: 1, summary: SUMMARY }, attempt),
  copyResults: (attempt) => other.run('copyResults', { run: RUN, output: 'out.jsonl' }, attempt),
};

describe("a worker that does not see the run's storage", () => {
  it.each(Object.entries(STEPS))('says so in %s, writes nothing, and leaves it to another worker', async (_, step) => {
    const failure = await failureOf(step({ attempt: 1 }));
    expect(failure).toMatchObject({ type: 'StorageNotShared', nonRetryable: false, nextRetryDelay: 1000 });
    expect(failure.message).toMatch(/^this worker does not see the run's storage: its own, .*, has no (runs|inputs)\//);
    expect(await readdir(other.folder)).toEqual([]);
  });

  it('ends a pack when ten attempts have found no other', async () => {
    const infer = STEPS.infer?.({ attempt: 10 }) ?? Promise.resolve();
    expect(await failureOf(infer)).toMatchObject({ type: 'StorageNotShared', nonRetryable: true });
  });

  it('takes an input of a name that a caller has made up for a missing one', async () => {
    const read = other.run('readManifest', { run: RUN, chain: CHAIN, batch: { input: 'mine/prompts.jsonl' } });
    expect(await failureOf(read)).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
  });
});
