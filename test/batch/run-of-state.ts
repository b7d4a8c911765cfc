import { type BatchState, startBatch, startNextChunk } from '../../src/batch/batch-state.js';
import { firstAllowance } from '../../src/batch/budget.js';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { refreshModels } from '../../src/batch/model-table.js';
import { type BatchOptionsInput, batchOptionsSchema } from '../../src/batch/options.js';
import type { ChunkReport } from '../../src/batch/reports.js';

/** When the runs of these tests are, epoch ms. */
export const NOW = 1_000_000;

const MODELS = refreshModels(
  [],
  [
    { id: 'text', nodes: 5, modality: 'text' },
    { id: 'vision', nodes: 3, modality: 'vision' },
  ],
);

/** A run of chunks with so many text items each, of which none has started. */
export function runOf(chunks: readonly number[], given: BatchOptionsInput = {}): BatchState {
  const items = chunks.reduce((sum, count) => sum + count, 0);
  const manifest = { items, modalities: { text: items, vision: 0, audio: 0 }, invalid: 0, chunks: chunks.length };
  return startBatch({ options: batchOptionsSchema.parse(given), manifest }, { models: MODELS, now: NOW });
}

/** The run with its next chunk started, of so many items. */
export function started(state: BatchState, items: number, lanes = 1): BatchState {
  const chunk = { chunk: state.nextChunk, first: 0, layout: `t${items}` };
  const allowance = firstAllowance(state);
  const begin = { lanes, open: items, toldSize: 1, ...(allowance === undefined ? {} : { allowance }) };
  return startNextChunk(state, chunk, begin).state;
}

/** What a chunk reports; by default that it has just begun. */
export function report(chunk: number, more: Partial<ChunkReport> = {}): ChunkReport {
  return {
    chunk,
    revision: 0,
    returned: 0,
    inFlight: 0,
    open: 0,
    counts: NO_COUNTS,
    latency: {},
    lastFailures: [],
    ...more,
  };
}
