import { addRunning, type BatchState, startBatch } from '../../src/batch/batch-state.js';
import { firstAllowance } from '../../src/batch/budget.js';
import type { ChunkReport } from '../../src/batch/chunk-messages.js';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { dividedOf } from '../../src/batch/item-groups.js';
import type { ChunkManifest } from '../../src/batch/manifest.js';
import { addModalities, sumOfModalities } from '../../src/batch/modality.js';
import type { Model } from '../../src/batch/models.js';
import {
  type BatchOptionsInput,
  batchOptionsSchema,
  type WorkflowOptions,
  workflowOptionsSchema,
} from '../../src/batch/options.js';
import { applyList, type Targets } from '../../src/batch/targets.js';

/** When the runs of these tests are, epoch ms. */
export const NOW = 1_000_000;

const LIST: readonly Model[] = [
  { id: 'text', nodes: 5, modality: 'text' },
  { id: 'vision', nodes: 3, modality: 'vision' },
];

/** Five nodes for text, three for text and vision. */
export const TARGETS: Targets = applyList([], LIST);

/** Returns a run's options as its workflow has them. */
export function optionsOf(given: BatchOptionsInput = {}): WorkflowOptions {
  return workflowOptionsSchema.strip().parse(batchOptionsSchema.parse(given));
}

/** Returns the manifests of chunks with these layouts, one behind the other. */
export function chunksOf(layouts: readonly string[]): ChunkManifest[] {
  let first = 0;
  return layouts.map((layout, chunk) => {
    const manifest = { chunk, first, layout };
    for (const count of layout.match(/\d+/g) ?? []) first += Number(count);
    return manifest;
  });
}

/** Returns a run of chunks with these layouts, or with so many text items each, of which none has started. */
export function runOf(chunks: readonly (number | string)[], given: BatchOptionsInput = {}): BatchState {
  const manifests = chunksOf(chunks.map((chunk) => (typeof chunk === 'number' ? `t${chunk}` : chunk)));
  const modalities = manifests.map(dividedOf).reduce(addModalities, { text: 0, vision: 0, audio: 0 });
  const items = sumOfModalities(modalities);
  const manifest = { items, modalities, invalid: 0, reused: 0, chunks: chunks.length };
  return startBatch({ options: optionsOf(given), manifest }, { targets: TARGETS, now: NOW });
}

/** Starts the run's next chunk, with so many text items or a layout. */
export function started(state: BatchState, items: number | string, permits = 1): BatchState {
  const layout = typeof items === 'number' ? `t${items}` : items;
  const manifest = { chunk: state.nextChunk, first: 0, layout };
  const own = dividedOf(manifest);
  const rest = { ...state, nextChunk: state.nextChunk + 1, offset: addModalities(state.offset, own) };
  const open = own.text + own.vision + own.audio;
  return addRunning(rest, { manifest, offset: state.offset, permits, open, allowance: firstAllowance(rest) });
}

/** Returns a chunk's report; by default nothing is open, in a pack, or counted. */
export function report(chunk: number, more: Partial<ChunkReport> = {}): ChunkReport {
  return {
    chunk,
    revision: 0,
    returned: 0,
    inFlight: 0,
    open: 0,
    ready: 0,
    counts: NO_COUNTS,
    targets: TARGETS,
    lastFailures: [],
    notes: [],
    ...more,
  };
}
