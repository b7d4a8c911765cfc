import type { ChunkManifest } from '../batch/manifest.js';
import type { AssembleInput } from '../batch/step-contract.js';
import { damaged, type Storage } from '../storage/storage.js';
import { Checksum, contentSchema, streamChecked } from './checked-object.js';
import { withColumns } from './columns.js';
import { copyLines } from './copy-lines.js';
import { getSealed, putSealed } from './json.js';
import { readStagedManifest } from './manifest.js';
import { itemsOf } from './merge.js';
import { streamPart } from './parts.js';
import { runDirectory } from './run-directory.js';
import { noteResults } from './run-index.js';
import { putSummary } from './summary.js';
import { FilledParts } from './twins.js';

/** How assembling goes and when it ends early. */
export interface AssembleOptions {
  /** Called when a part is joined. */
  readonly onPart: () => void;
  /** Ends the assembling between two parts: nothing of it stays. */
  readonly signal: AbortSignal;
}

/** Joins the parts into the results, in input order, and writes the summary beside them. Idempotent. */
export async function assembleResults(
  storage: Storage,
  input: AssembleInput,
  options: AssembleOptions,
): Promise<{ results: string }> {
  const { run, summary } = input;
  const { results, resultsRecord } = runDirectory(run);
  const checksum = new Checksum();
  await storage.putStream(results, checksum.of(parts(storage, input, options)));
  const content = checksum.value();
  await putSealed(storage, resultsRecord, content);
  await noteResults(storage, content.sha256, run);
  await putSummary(storage, run, summary);
  return { results };
}

/**
 * Streams a run's results. Throws `NOT_FOUND` if they are not assembled, and at their end `DAMAGED` if they are not what was
 * written.
 */
export async function* streamResults(storage: Storage, run: string): AsyncGenerator<Uint8Array, void, undefined> {
  const { results, resultsRecord } = runDirectory(run);
  yield* streamChecked(storage, results, await getSealed(storage, resultsRecord, contentSchema));
}

async function* parts(
  storage: Storage,
  { run, chunks }: AssembleInput,
  { onPart, signal }: AssembleOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const manifest = await readStagedManifest(storage, run);
  const filled = new FilledParts(storage, run);
  for (let chunk = 0; chunk < chunks; chunk++) {
    signal.throwIfAborted();
    const known = manifest?.chunks[chunk];
    if (manifest === undefined || known === undefined) yield* streamPart(storage, run, chunk);
    else yield* withColumns(storage, run, manifest, itemsOf(known), await wholePart(storage, run, known, filled));
    onPart();
  }
}

/** Returns the lines of a chunk's part, with those that its items get from parts before it. */
async function wholePart(
  storage: Storage,
  run: string,
  chunk: ChunkManifest,
  filled: FilledParts,
): Promise<AsyncIterable<Uint8Array>> {
  const lines = await filled.lines(chunk);
  if (lines === undefined) return streamPart(storage, run, chunk.chunk);
  if (lines.size === itemsOf(chunk).length) return copyLines(storage, lines.values());
  throw damaged(storage, runDirectory(run).part(chunk.chunk), 'lines that items of it get are in no part before it');
}
