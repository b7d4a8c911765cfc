import { log } from '@temporalio/activity';
import { z } from 'zod';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';

/** An output line of an answered item, as far as the merging needs to know it. */
export interface ResultLine {
  readonly model: string;
  readonly tokens: number;
  readonly [field: string]: unknown;
}

/** A finished answer as segments keep it, with its facts: see `AnswerFacts`. */
export const segmentRecordSchema = z.object({
  item: z.number(),
  // Checked but not rebuilt: the line's fields keep their order.
  result: z.custom<ResultLine>(isResultLine),
  truncated: z.boolean().optional(),
  // Records of earlier versions have neither.
  at: z.number().optional(),
  ms: z.number().optional(),
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

/** A line of a block: a finished answer and the segment that it belongs to. */
const blockLineSchema = segmentRecordSchema.extend({ segment: z.string() });

/** The answers of segments, by the segments' names. */
export type Segments = ReadonlyMap<string, readonly SegmentRecord[]>;

/** An answer as a block's line, with its line end. */
export function blockLine(segment: string, record: SegmentRecord): string {
  return `${JSON.stringify({ segment, ...record })}\n`;
}

/** Names of a chunk's blocks, always in the same order. */
export async function listBlocks(storage: Storage, run: string, chunk: number): Promise<string[]> {
  const folder = runDirectory(run).segments(chunk);
  const keys = await storage.list(folder);
  return keys.map((key) => key.slice(folder.length, -'.jsonl'.length)).sort();
}

/** Blocks that are read at once. */
const READS_AT_ONCE = 8;

/** Told of blocks that are damaged: how many of their lines are of no use. */
export type OnDamage = (block: string, lines: number) => void;

/** An {@link OnDamage} for activities. */
export function warnOfDamage(block: string, lines: number): void {
  log.warn(`the block ${block} is damaged: answers of ${lines} lines are lost, and are asked for again`);
}

/**
 * Reads blocks of a chunk; the answers of a segment are in the order in which they were written. A line that is not
 * whole counts as none: its answer is missed, and asked for again.
 */
export async function readBlocks(
  storage: Storage,
  run: string,
  chunk: number,
  names: readonly string[],
  onDamage: OnDamage = () => undefined,
): Promise<Segments> {
  const segments = new Map<string, SegmentRecord[]>();
  for (let first = 0; first < names.length; first += READS_AT_ONCE) {
    const some = names.slice(first, first + READS_AT_ONCE);
    const blocks = await Promise.all(some.map((name) => storage.get(runDirectory(run).block(chunk, name))));
    for (const [at, block] of blocks.entries()) {
      const unusable = addBlock(segments, block);
      if (unusable > 0) onDamage(some[at] ?? '', unusable);
    }
  }
  return segments;
}

/** Adds a block's answers. Returns how many of its lines are none. */
function addBlock(segments: Map<string, SegmentRecord[]>, block: Uint8Array): number {
  let unusable = 0;
  for (const line of Buffer.from(block).toString('utf8').split('\n')) {
    if (line === '') continue;
    const parsed = parseBlockLine(line);
    if (parsed === undefined) {
      unusable++;
      continue;
    }
    const { segment, ...record } = parsed;
    const records = segments.get(segment);
    if (records === undefined) segments.set(segment, [record]);
    else records.push(record);
  }
  return unusable;
}

/** A line of a block; undefined for one that was cut off or overwritten. */
function parseBlockLine(line: string): z.output<typeof blockLineSchema> | undefined {
  try {
    return blockLineSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** Reads all segments of a chunk. */
export async function readSegments(
  storage: Storage,
  run: string,
  chunk: number,
  onDamage?: OnDamage,
): Promise<Segments> {
  return await readBlocks(storage, run, chunk, await listBlocks(storage, run, chunk), onDamage);
}
