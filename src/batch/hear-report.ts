import { type BatchState, updateChunk } from './batch-state.js';
import { type ModelTable, mergeModels, sameModels } from './model-table.js';
import type { ChunkReport } from './reports.js';
import type { FailedItem } from './work.js';

/** Failures the run remembers to show. */
const LAST_FAILURES = 5;

/** The state after a chunk's report. The table is the same object when the report says nothing new of the models. */
export function hearReport(state: BatchState, report: ChunkReport): BatchState {
  if (state.running[report.chunk] === undefined) return state;
  const { returned, inFlight, open, counts, stranded } = report;
  const heard = updateChunk(state, report.chunk, ({ stranded: _before, ...running }) => ({
    ...running,
    returned: Math.max(running.returned, returned),
    inFlight,
    open,
    counts,
    isShort: report.shortOf !== undefined && report.shortOf === running.allowance,
    ...(stranded === undefined ? {} : { stranded }),
  }));
  const models = modelsAfter(state, report);
  return {
    ...heard,
    latency: { ...state.latency, ...report.latency },
    models: sameModels(models, state.models) ? state.models : models,
    lastFailures: newestFailures(state.lastFailures, report.lastFailures),
  };
}

/** What a chunk has learnt before it heard of other models says nothing of these. */
function modelsAfter({ models, revision }: BatchState, report: ChunkReport): ModelTable {
  if (report.models === undefined || report.revision !== revision) return models;
  return mergeModels(models, report.models);
}

function newestFailures(known: readonly FailedItem[], reported: readonly FailedItem[]): readonly FailedItem[] {
  const items = new Set(known.map(({ item }) => item));
  return [...known, ...reported.filter(({ item }) => !items.has(item))].slice(-LAST_FAILURES);
}
