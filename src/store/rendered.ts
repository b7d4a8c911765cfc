import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { chunkOf, type Manifest } from '../batch/manifest.js';
import type { ResultFormat } from '../batch/output-format.js';
import { answerFacts } from '../batch/part-facts.js';
import type { BatchFacts } from '../formats/openai.js';
import { hasColumns, isOwn, type RenderedRun, render } from '../formats/render.js';
import { openNameless } from '../input/nameless-file.js';
import type { Storage } from '../storage/storage.js';
import { readStagedManifest } from './manifest.js';
import { partialLines } from './partial-lines.js';
import { readPartFacts } from './parts.js';
import { streamResults } from './results.js';
import { readStoredSettings } from './settings.js';

/**
 * Streams a run's results in a format. Throws as {@link streamResults} does, before the first byte if the format has columns,
 * a `FormatError` if the results cannot be written so, and the signal's reason.
 */
export async function* renderedResults(
  storage: Storage,
  run: string,
  format: ResultFormat,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const manifest = isOwn(format) ? undefined : await readStagedManifest(storage, run);
  const hasFacts = manifest !== undefined && format.name === 'openai';
  const facts = hasFacts ? factsOfParts(storage, run, manifest) : { run };
  const lines = () => unlessAborted(signal, streamResults(storage, run));
  yield* render(lines, format, await describe(storage, run, format, { facts, manifest }));
}

/** Streams the output lines that a run has so far in a format. Throws a `FormatError` if they cannot be written so. */
export async function* renderedPartial(
  storage: Storage,
  run: string,
  format: ResultFormat,
): AsyncGenerator<Uint8Array, void, undefined> {
  const manifest = isOwn(format) ? undefined : await readStagedManifest(storage, run);
  const described = await describe(storage, run, format, { facts: { run }, manifest });
  if (!hasColumns(format)) {
    yield* render(() => partialLines(storage, run), format, described);
    return;
  }
  // A run that goes on has more lines when it is read again.
  const kept = await keep(partialLines(storage, run));
  try {
    yield* render(() => kept.createReadStream({ start: 0, autoClose: false }), format, described);
  } finally {
    await kept.close();
  }
}

/** Passes pieces on. Throws the signal's reason when it is aborted: nothing is yielded while lines are only looked through. */
async function* unlessAborted(
  signal: AbortSignal | undefined,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of pieces) {
    signal?.throwIfAborted();
    yield piece;
  }
}

async function describe(
  storage: Storage,
  run: string,
  format: ResultFormat,
  { facts, manifest }: { readonly facts: BatchFacts; readonly manifest: Manifest | undefined },
): Promise<RenderedRun> {
  if (isOwn(format)) return { detail: false, facts };
  const { detail, schema } = await readStoredSettings(storage, run);
  return { detail, schema, api: manifest?.api, facts };
}

/** Returns what is known of the answers of whole results, a chunk at a time. */
function factsOfParts(storage: Storage, run: string, { chunks, items }: Manifest): BatchFacts {
  return {
    run,
    page: async (item) => {
      const chunk = chunkOf(chunks, item)?.chunk ?? 0;
      const found = await readPartFacts(storage, run, chunk);
      const end = chunks[chunk + 1]?.first ?? items;
      return { facts: found === undefined ? new Map() : answerFacts(found), end };
    },
  };
}

/** Writes bytes into a file without a name: it is gone with the process, however that ends. */
async function keep(source: AsyncIterable<Uint8Array>): Promise<FileHandle> {
  const handle = await openNameless(tmpdir());
  try {
    for await (const piece of source) await handle.writeFile(piece);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}
