import { endsOf } from '../batch/counts.js';
import type { Storage } from '../storage/storage.js';
import { readStagedManifest } from './manifest.js';
import { readPartCounts } from './parts.js';
import { runDirectory } from './run-directory.js';
import { readOutcomes } from './segments.js';
import { readSummaryIfWhole } from './summary.js';

/** What storage holds of a run, for a run whose history is gone. */
export interface StoredRunDescription {
  /** Items and chunks of the staged input; absent if it was not staged. */
  readonly input?: { readonly items: number; readonly chunks: number };
  /** Finished chunks. */
  readonly parts: number;
  /** Items answered and failed, in finished and in open chunks. */
  readonly ok: number;
  readonly failed: number;
  /** The results are assembled. */
  readonly results: boolean;
  /** How the run has ended; absent if it has not, or was killed. */
  readonly state?: 'completed' | 'cancelled' | 'failed';
}

/** Returns what storage holds of a run; undefined if it holds nothing. */
export async function describeStoredRun(storage: Storage, run: string): Promise<StoredRunDescription | undefined> {
  const directory = runDirectory(run);
  const keys = new Set(await storage.list(directory.prefix));
  if (keys.size === 0) return undefined;
  const manifest = await readStagedManifest(storage, run);
  // How it ended is a small part of what is described.
  const summary = await readSummaryIfWhole(storage, run, () => undefined);
  const folders = new Set([...keys].map((key) => key.slice(0, key.lastIndexOf('/') + 1)));
  let [parts, ok, failed] = [0, manifest?.reused ?? 0, 0];
  for (const { chunk } of manifest?.chunks ?? []) {
    const isDone = keys.has(directory.part(chunk));
    const counts = isDone ? await readPartCounts(storage, run, chunk) : undefined;
    const ended = counts === undefined ? await openCounts(storage, run, chunk, folders) : endsOf(counts, 0);
    if (isDone) parts++;
    ok += ended?.ok ?? 0;
    failed += ended?.failed ?? 0;
  }
  const input = manifest === undefined ? {} : { input: { items: manifest.items, chunks: manifest.chunks.length } };
  const state = summary === undefined ? {} : { state: summary.state };
  return { ...input, parts, ok, failed, results: keys.has(directory.results), ...state };
}

async function openCounts(
  storage: Storage,
  run: string,
  chunk: number,
  folders: ReadonlySet<string>,
): Promise<{ readonly ok: number; readonly failed: number } | undefined> {
  if (!folders.has(runDirectory(run).segments(chunk))) return undefined;
  const index = await readOutcomes(storage, run, chunk);
  const ok = index.answers.size;
  return { ok, failed: index.ended().length - ok };
}
