import type { Progress, Rates } from '../../batch/progress.js';
import { look, NO_WINDOW, ratesOf } from '../../batch/rates.js';
import type { RunSummary } from '../../batch/summary.js';
import type { Reporter, ReporterStream } from './reporter.js';
import { safeStream } from './safe-stream.js';
import { createNews } from './wait-view.js';

/** Least time between two progress lines of one state, ms: a poll each second that comes a little early passes. */
const APART_MS = 900;

/** What a line is about. */
type EventType = 'note' | 'warning' | 'start' | 'progress' | 'finish';

/** A reporter for scripts: one JSON object a line and nothing else. */
export function createJsonReporter(stream: ReporterStream, now: () => number): Reporter {
  const out = safeStream(stream);
  const emit = (type: EventType, facts: object): void =>
    out.write(`${JSON.stringify({ type, time: new Date(now()).toISOString(), ...facts })}\n`);
  const newsOf = createNews();
  let window = NO_WINDOW;
  let said: { readonly at: number; readonly state: Progress['state'] } | undefined;
  return {
    note: (message) => emit('note', { message }),
    warn: (message) => emit('warning', { message }),
    start: ({ runId, uiUrl, items }) => emit('start', { run_id: runId, ui_url: uiUrl, items }),
    progress: (progress) => {
      const at = now();
      const { state } = progress;
      window = look(window, progress, at);
      for (const message of newsOf(progress).notes) emit('note', { message });
      if (said !== undefined && said.state === state && at - said.at < APART_MS) return;
      said = { at, state };
      emit('progress', progressFacts(progress, ratesOf(window, progress.items), at));
    },
    finish: (progress, summary, where) =>
      emit('finish', { ...progressFacts(progress, {}, summary?.endedAt ?? now()), ...summaryFacts(summary, where) }),
    clear: () => undefined,
    close: () => undefined,
  };
}

function progressFacts(progress: Progress, rates: Rates, at: number): object {
  const { state, reason, pausedBy, waiting, items, ok, failed, reused, truncated, tokens, requests, permits, models } =
    progress;
  return {
    state,
    reason,
    paused_by: pausedBy,
    waiting,
    items,
    done: ok + failed,
    ok,
    failed,
    reused,
    truncated,
    tokens,
    requests,
    requests_per_s: rounded(rates.requestsPerSecond),
    tokens_per_s: rounded(rates.tokensPerSecond),
    eta_s: rates.etaMs === undefined ? undefined : Math.round(rates.etaMs / 1000),
    elapsed_s: rounded(Math.max(0, at - progress.startedAt) / 1000),
    permits_used: permits.used,
    permits_total: permits.total,
    models,
    last_failures: progress.lastFailures,
  };
}

function summaryFacts(summary: RunSummary | undefined, where: string | undefined): object {
  if (summary === undefined) return { output: where };
  const { runId, outcome, failedByKind, fallbacks, endedAt, startedAt, notes } = summary;
  const seconds = (endedAt - startedAt) / 1000;
  return {
    run_id: runId,
    outcome,
    failed_by_kind: failedByKind,
    fallbacks,
    notes,
    requests_per_s: seconds > 0 ? rounded(summary.requests / seconds) : undefined,
    output: where,
  };
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 100) / 100;
}
