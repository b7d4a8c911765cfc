import { log } from '@temporalio/activity';
import { z } from 'zod';
import { runDirectory } from '../storage/run-directory.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { patiently } from './patience.js';

/** An output line of an answered item, as far as the merging needs to know it. */
export interface ResultLine {
  readonly model: string;
  readonly tokens: number;
  readonly [field: string]: unknown;
}

/** A finished answer as segments keep it. */
export const segmentRecordSchema = z.object({
  item: z.number(),
  // Checked but not rebuilt: the line's fields keep their order.
  result: z.custom<ResultLine>(isResultLine),
  truncated: z.boolean().optional(),
});
export type SegmentRecord = z.infer<typeof segmentRecordSchema>;

function isResultLine(value: unknown): value is ResultLine {
  return (
    typeof value === 'object' &&
    value !== null &&
    'model' in value &&
    typeof value.model === 'string' &&
    'tokens' in value &&
    typeof value.tokens === 'number'
  );
}

/** Where one attempt of one pack writes. */
export interface SegmentTarget {
  readonly storage: Storage;
  readonly run: string;
  readonly chunk: number;
  /** What the names of this attempt and of no other begin with: workflow run, activity, attempt, a random part. */
  readonly prefix: string;
  readonly flushIntervalMs: number;
}

/**
 * Writes answers as immutable segments, at most `flushIntervalMs` after they came. A write that fails is tried again
 * until it succeeds: the answers in it are paid for. Meanwhile {@link ready} holds the next question back.
 */
export class SegmentWriter {
  /** Names of the segments written. */
  readonly names: string[] = [];
  private lines: string[] = [];
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private failing = false;

  constructor(
    private readonly target: SegmentTarget,
    /** Ends the tries of a write that fails: the worker goes, or the attempt is no longer wanted. */
    private readonly signal: AbortSignal,
  ) {}

  /** Takes a finished answer. */
  add(record: SegmentRecord): void {
    this.lines.push(`${JSON.stringify(record)}\n`);
    this.timer ??= setTimeout(() => this.flush(), this.target.flushIntervalMs);
  }

  /** Waits while writes fail: nothing more is bought while what was bought cannot be kept. */
  async ready(): Promise<void> {
    if (this.failing) await this.writing;
  }

  /** Writes what is left. Throws when it cannot be written before the signal. */
  async close(): Promise<void> {
    this.flush();
    await this.writing;
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.lines.length === 0) return;
    const content = this.lines.join('');
    this.lines = [];
    this.writing = this.writing.then(() => this.write(content));
    // The error is thrown to whoever waits next; until then it is no unhandled rejection.
    this.writing.catch(() => undefined);
  }

  private async write(content: string): Promise<void> {
    const { storage, run, chunk, prefix } = this.target;
    const name = `${prefix}${this.names.length}`;
    await patiently(() => storage.put(runDirectory(run).segment(chunk, name), content), {
      signals: [this.signal],
      mayPass: (error) => this.mayPass(error),
    });
    this.names.push(name);
    this.failing = false;
  }

  private mayPass(error: unknown): boolean {
    if (!this.failing) log.warn(`answers cannot be written, and wait: ${messageOf(error)}`);
    this.failing = true;
    return error instanceof StorageError;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Names of a chunk's segments that begin with one of the prefixes, always in the same order. */
export async function findSegments(
  storage: Storage,
  run: string,
  chunk: number,
  prefixes: readonly string[],
): Promise<string[]> {
  const folder = runDirectory(run).segments(chunk);
  // A folder a pack: looking for one pack's segments must not cost more the more the others have written.
  const keys = await Promise.all(prefixes.map((prefix) => storage.list(`${folder}${prefix}`)));
  return keys
    .flat()
    .map((key) => key.slice(folder.length, -'.jsonl'.length))
    .sort();
}

/** Reads a segment's records. */
export async function readSegment(
  storage: Storage,
  run: string,
  chunk: number,
  name: string,
): Promise<SegmentRecord[]> {
  const bytes = await storage.get(runDirectory(run).segment(chunk, name));
  return Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => segmentRecordSchema.parse(JSON.parse(line)));
}
