import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { NO_COUNTS } from '../../src/batch/counts.js';
import type { ChunkManifest } from '../../src/batch/manifest.js';
import type { PartInput } from '../../src/batch/step-contract.js';
import { scanInput } from '../../src/input/scan.js';
import { FileStorage } from '../../src/storage/file-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { ChunkLog } from '../../src/store/chunk-log.js';
import type { AnswerRecord, FailureRecord, OutcomeRecord, TryRecord } from '../../src/store/outcomes.js';
import { inputKey, runDirectory } from '../../src/store/run-directory.js';
import { putSettings } from '../../src/store/settings.js';
import { stageInput } from '../../src/store/stage.js';

/** The run of all these tests, and its only chunk. */
export const RUN = 'run-1';
export const DIRECTORY = runDirectory(RUN);

/** A storage with a staged run of one chunk. */
export interface StoreWorld<S extends Storage = FileStorage> {
  readonly storage: S;
  readonly chunk: ChunkManifest;
  readonly warnings: string[];
}

/** Opens a storage folder that goes with the test. */
export async function openFolder(): Promise<FileStorage> {
  const path = await mkdtemp(join(tmpdir(), 'dria-store-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return new FileStorage(path);
}

/** Stages a run of these lines: prompts, records, or text that is not valid, in a folder of its own. */
export async function stage(lines: readonly string[]): Promise<StoreWorld> {
  return await stageIn(await openFolder(), lines);
}

/** Stages a run of these lines in a storage. */
export async function stageIn<S extends Storage>(storage: S, lines: readonly string[]): Promise<StoreWorld<S>> {
  const texts = lines.map((line) => (/^[!{]/.test(line) ? line : JSON.stringify({ prompt: line })));
  const open = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${texts.join('\n')}\n`);
  };
  const attachments = { folder: '/dev/null', roots: [], maxBytes: 1 };
  const scan = await scanInput({ source: open(), name: 'in', attachments, chunkSize: 50_000, skipInvalid: true });
  await stageInput(storage, RUN, scan, open);
  const input = inputKey(scan.manifest.sha256);
  await putSettings(storage, RUN, {
    version: 1,
    input,
    attachments: { ...attachments, staged: false },
    detail: false,
    repair: true,
    groupPrefix: false,
  });
  const [chunk = { chunk: 0, first: 0, layout: '' }] = scan.manifest.chunks;
  return { storage, chunk, warnings: [] };
}

/** Five prompts. */
export const FIVE = ['zero', 'one', 'two', 'three', 'four'];

/** Stages five items. */
export function fiveItems(): Promise<StoreWorld> {
  return stage(FIVE);
}

/** Appends records as one worker does. */
export async function append(
  { storage }: Pick<StoreWorld<Storage>, 'storage'>,
  ...records: OutcomeRecord[]
): Promise<void> {
  const log = new ChunkLog(storage, RUN, 0, () => undefined);
  await Promise.all(records.map((record) => log.append(record)));
  await log.close();
}

/** An answer. */
export function answer(item: number, more: Partial<AnswerRecord> & { readonly output?: string } = {}): AnswerRecord {
  const { output = `answer ${item}`, ...facts } = more;
  return { item, at: 1000 + item, ms: 10, ...facts, result: { id: item + 1, model: 'm', output, tokens: 3 } };
}

/** A final failure. */
export function failure(item: number, more: Partial<FailureRecord['failure']> = {}): FailureRecord {
  return { item, id: item + 1, failure: { target: 'm', error: '500: broken', attempts: 4, tried: ['m'], ...more } };
}

/** A failed attempt that was not the last. */
export function failedTry(item: number, attempt: number, more: Partial<TryRecord['try']> = {}): TryRecord {
  return { item, try: { target: 'm', error: '500: broken', attempt, ...more } };
}

/** What a chunk hands to `writePart`. */
export function partInput({ chunk }: StoreWorld<Storage>, more: Partial<PartInput> = {}): PartInput {
  return { run: RUN, chunk, detail: false, counts: NO_COUNTS, ...more };
}

/** Reads the lines of an object. */
export async function linesIn(storage: Storage, key: string): Promise<Record<string, unknown>[]> {
  const text = Buffer.from(await storage.get(key)).toString('utf8');
  if (!text.endsWith('\n')) throw new Error(`${key} has no line end`);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line));
}
