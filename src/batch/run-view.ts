import { type BatchState, totalCounts } from './batch-state.js';
import type { Counts } from './counts.js';
import { plainMarkdown } from './markdown.js';
import { own } from './own.js';
import type { ModelProgress, Progress, RunState } from './progress.js';
import type { RunSummary } from './summary.js';

/** A run that is still reading its input. */
export const NO_PROGRESS: Omit<Progress, 'startedAt'> = {
  state: 'starting',
  items: 0,
  ok: 0,
  failed: 0,
  truncated: 0,
  tokens: 0,
  requests: 0,
  chunks: { total: 0, started: 0, done: 0 },
  lanes: { total: 0, used: 0 },
  models: [],
  lastFailures: [],
};

/** The run as the query `progress` gives it at `now`, epoch ms. */
export function progressOf(state: BatchState, phase: RunState, now: number): Progress {
  const counts = totalCounts(state);
  const waiting = waitingFor(state);
  const reason = state.paused ? state.pausedFor : waiting;
  const running = Object.values(state.running);
  return {
    state: currentState(state, phase, waiting),
    ...(reason === undefined ? {} : { reason }),
    items: state.manifest.items,
    ok: counts.ok,
    failed: counts.failed,
    truncated: counts.truncated,
    tokens: counts.tokens,
    requests: counts.requests,
    chunks: { total: state.manifest.chunks, started: state.nextChunk, done: state.doneChunks },
    lanes: {
      total: state.options.concurrency,
      used: running.reduce((sum, { granted, returned }) => sum + granted - returned, 0),
    },
    models: modelsOf(state, counts, now),
    startedAt: state.startedAt,
    lastFailures: state.lastFailures.map(({ item, model, error }) => ({ item, model, error })),
  };
}

function currentState(state: BatchState, phase: RunState, waiting: string | undefined): RunState {
  if (phase !== 'running') return phase;
  if (state.paused) return 'paused';
  return waiting === undefined ? 'running' : 'waiting';
}

/** Why nothing goes on, in words; undefined while some chunk can go on. */
function waitingFor(state: BatchState): string | undefined {
  const running = Object.values(state.running);
  const stuck = running.flatMap(({ stranded }) => (stranded === undefined ? [] : [stranded]));
  if (stuck.length === 0 || running.some(({ inFlight, open }) => inFlight + open > 0)) return undefined;
  const modalities = [...new Set(stuck.flatMap((entry) => entry.modalities))].join(' and ');
  const lookAt = Math.min(...stuck.map((entry) => entry.lookAt));
  return `no model takes ${modalities} now; next look at ${new Date(lookAt).toISOString().slice(11, 19)} UTC`;
}

function modelsOf(state: BatchState, counts: Counts, now: number): ModelProgress[] {
  return state.models.map(({ id, modality, nodes, downUntil }) => {
    const { ok = 0, failed = 0, fallbacks = 0, tokens = 0 } = own(counts.models, id) ?? {};
    return { id, modality, nodes, ok, failed, fallbacks, tokens, down: downUntil > now };
  });
}

/** The summary of a run whose chunks have all ended. */
export function summaryOf(runId: string, state: BatchState, endedAt: number): RunSummary {
  const counts = totalCounts(state);
  const models = modelsOf(state, counts, endedAt);
  return {
    runId,
    items: state.manifest.items,
    ok: counts.ok,
    failed: counts.failed,
    failedByKind: counts.failedByKind,
    truncated: counts.truncated,
    tokens: counts.tokens,
    requests: counts.requests,
    fallbacks: models.reduce((sum, { fallbacks }) => sum + fallbacks, 0),
    startedAt: state.startedAt,
    endedAt,
    models,
  };
}

/** The progress of a run of which only the summary is left. */
export function progressOfSummary(summary: RunSummary): Progress {
  const { items, ok, failed, truncated, tokens, requests, models, startedAt } = summary;
  return { ...NO_PROGRESS, state: 'completed', items, ok, failed, truncated, tokens, requests, models, startedAt };
}

/** Progress as Markdown, for the workflow's current details in the Temporal Web UI. */
export function describeProgress(progress: Progress): string {
  const { items, ok, failed, tokens, requests, lanes, chunks, state, reason } = progress;
  const done = ok + failed;
  const percent = items === 0 ? 0 : Math.floor((100 * done) / items);
  const lines = [
    `**${state}** · ${done} of ${items} items (${percent} %) · ${ok} ok · ${failed} failed`,
    ...(reason === undefined ? [] : ['', `> ${plainMarkdown(reason)}`]),
    '',
    `${tokens} tokens · ${requests} requests · ${lanes.used} of ${lanes.total} lanes · chunks ${chunks.done} done, ${chunks.started} started, ${chunks.total} in all`,
    '',
    // No-break spaces: the Web UI's tables have no room between their columns.
    '| model | \u00a0nodes | \u00a0ok | \u00a0failed | \u00a0fallbacks | \u00a0tokens |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...progress.models.map(
      (model) =>
        `| ${plainMarkdown(model.id)}${model.down ? ' (down)' : ''} | ${model.nodes} | ${model.ok} | ${model.failed} | ${model.fallbacks} | ${model.tokens} |`,
    ),
  ];
  const failures = progress.lastFailures.map(
    ({ item, model, error }) => `- #${item} ${plainMarkdown(`${model}: ${error}`)}`,
  );
  return [...lines, ...(failures.length === 0 ? [] : ['', 'Newest failures:', ...failures])].join('\n');
}
