import type { RunSummary } from '../../src/batch/summary.js';

/** Returns the summary of a run with so many items, all of them answered, but for what `facts` has. */
export function summaryOf(runId: string, items: number, facts: Partial<RunSummary> = {}): RunSummary {
  return {
    ...{ runId, state: 'completed', outcome: 'all', items, ok: items, failed: 0, skipped: 0, cancelled: 0 },
    ...{
      failedByKind: {},
      truncated: 0,
      empty: 0,
      tokens: 9,
      wastedTokens: 0,
      requests: items,
      retries: 0,
      fallbacks: 0,
    },
    ...{ startedAt: 1, endedAt: 2, models: [] },
    ...facts,
  };
}
