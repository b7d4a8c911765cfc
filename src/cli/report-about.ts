import type { Manifest } from '../batch/manifest.js';
import type { RunSummary } from '../batch/summary.js';
import type { ModelAbout, RunAbout } from '../report/about.js';
import type { Storage } from '../storage/storage.js';
import { readPartCounts } from '../store/parts.js';

/** A run in storage. */
export interface StoredRun {
  readonly storage: Storage;
  readonly id: string;
  readonly manifest: Manifest;
  /** Only when the run has ended. */
  readonly summary: RunSummary | undefined;
}

/** What a report says of a run beside its rows. */
export async function reportAbout({ storage, id, manifest, summary }: StoredRun): Promise<RunAbout> {
  const { items, bytes, sha256, modalities, invalid } = manifest;
  const input = { runId: id, items, bytes, sha256, modalities, invalid, writtenAt: Date.now() };
  if (summary === undefined) return { ...input, ...(await soFar(storage, id, manifest)) };
  return { ...input, requests: summary.requests, models: summary.models, end: summary };
}

/** What is known of a run that has not ended: the counts of its finished chunks. Nodes are in no file. */
async function soFar(
  storage: Storage,
  id: string,
  { chunks }: Manifest,
): Promise<Pick<RunAbout, 'models' | 'requests'>> {
  const fallbacks = new Map<string, number>();
  let requests = 0;
  for (const { chunk } of chunks) {
    const counts = await readPartCounts(storage, id, chunk);
    if (counts === undefined) continue;
    requests += counts.requests;
    for (const [model, more] of Object.entries(counts.models)) {
      fallbacks.set(model, (fallbacks.get(model) ?? 0) + more.fallbacks);
    }
  }
  const models = [...fallbacks].map(([model, given]): ModelAbout => ({ id: model, fallbacks: given }));
  return { models, requests };
}
