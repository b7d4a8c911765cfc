import { type Counts, NO_COUNTS } from '../../src/batch/counts.js';
import type { Manifest } from '../../src/batch/manifest.js';
import { batchOptionsSchema } from '../../src/batch/options.js';
import { scanInput } from '../../src/input/scan.js';
import type { Storage } from '../../src/storage/storage.js';
import { ChunkLog } from '../../src/store/chunk-log.js';
import { readStagedManifest } from '../../src/store/manifest.js';
import { writePart } from '../../src/store/merge.js';
import type { AnswerRecord, OutcomeRecord } from '../../src/store/outcomes.js';
import { putOwner, questionOf } from '../../src/store/owner.js';
import { assembleResults } from '../../src/store/results.js';
import { inputKey } from '../../src/store/run-directory.js';
import { putSettings } from '../../src/store/settings.js';
import { stageInput } from '../../src/store/stage.js';
import { summaryOf } from '../support/summary.js';

/** An input line. */
export interface InputLine {
  readonly prompt: string;
  readonly id?: string | number;
}

/** How a test's run is staged. */
export interface StageOptions {
  readonly chunkSize?: number;
  readonly unique?: boolean;
  readonly skipInvalid?: boolean;
  readonly detail?: boolean;
  readonly temperature?: number;
  readonly tenant?: string;
  readonly endpoint?: string;
}

/** A run in a storage, driven without a workflow. */
export class KeptRun {
  private constructor(
    readonly storage: Storage,
    readonly id: string,
    readonly options: StageOptions,
    readonly warnings: string[] = [],
  ) {}

  /** Stages a run of these lines and makes it the owner of its directory. */
  static async stage(
    storage: Storage,
    id: string,
    lines: readonly (string | InputLine)[],
    options: StageOptions = {},
  ): Promise<KeptRun> {
    const { chunkSize = 4, unique = false, detail = false, temperature = 0.7, tenant, endpoint = 'e' } = options;
    const { skipInvalid = false } = options;
    const texts = lines.map((line) => JSON.stringify(typeof line === 'string' ? { prompt: line } : line));
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`${texts.join('\n')}\n`);
    };
    const attachments = { folder: '/dev/null', roots: [], maxBytes: 1 };
    const scan = await scanInput({ source: open(), name: id, attachments, chunkSize, skipInvalid, unique });
    await stageInput(storage, id, scan, open);
    const { sha256 } = scan.manifest;
    const places = { input: inputKey(sha256), attachments: { ...attachments, staged: false }, groupPrefix: false };
    await putSettings(storage, id, { version: 1, ...places, repair: true, detail });
    const question = questionOf({ sha256, endpoint, options: batchOptionsSchema.parse({ temperature }) });
    const names = { namespace: 'default', workflowId: id, firstRunId: id, ...(tenant === undefined ? {} : { tenant }) };
    await putOwner(storage, id, { version: 1, ...names, question });
    return new KeptRun(storage, id, options);
  }

  async manifest(): Promise<Manifest> {
    const manifest = await readStagedManifest(this.storage, this.id);
    if (manifest === undefined) throw new Error(`${this.id} has no manifest`);
    return manifest;
  }

  /** Appends records of a chunk as a pack does. */
  async append(chunk: number, ...records: readonly OutcomeRecord[]): Promise<void> {
    const log = new ChunkLog(this.storage, this.id, chunk, () => undefined);
    await Promise.all(records.map((record) => log.append(record)));
    await log.close();
  }

  /** Writes the part of a chunk. */
  async writePart(
    number: number,
    more: { readonly replace?: boolean; readonly counts?: Counts } = {},
  ): Promise<Counts> {
    const chunk = (await this.manifest()).chunks[number];
    if (chunk === undefined) throw new Error(`there is no chunk ${number}`);
    const input = { run: this.id, chunk, detail: this.options.detail ?? false, counts: NO_COUNTS, ...more };
    return (await writePart(this.storage, input, (message) => this.warnings.push(message))).counts;
  }

  /** Joins the parts. Returns the lines of the results. */
  async assemble(): Promise<Record<string, unknown>[]> {
    const { chunks, items } = await this.manifest();
    const chain = { namespace: 'default', firstRunId: this.id };
    const input = { run: this.id, chain, chunks: chunks.length, summary: summaryOf(this.id, items) };
    const { signal } = new AbortController();
    const { results } = await assembleResults(this.storage, input, { onPart: () => undefined, signal });
    return parsed(Buffer.from(await this.storage.get(results)).toString());
  }
}

/** Reads lines of JSON. */
export function parsed(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Reads a stream of lines of JSON. */
export async function parsedLines(pieces: AsyncIterable<Uint8Array>): Promise<Record<string, unknown>[]> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return parsed(Buffer.concat(all).toString());
}

/** An answer to an item. */
export function answered(item: number, output: string, more: Partial<AnswerRecord> = {}): AnswerRecord {
  return { item, at: 1000 + item, ms: 10, ...more, result: { id: item + 1, model: 'm', output, tokens: 3 } };
}

/** The error of an item. */
export function failed(item: number, error = '400: no'): OutcomeRecord {
  return { item, id: item + 1, failure: { target: 'm', error, attempts: 1, tried: ['m'] } };
}
