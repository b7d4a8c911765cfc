import { endpointsOf } from './endpoint-progress.js';
import { sumCounts } from './numbers.js';
import type { PackHeartbeat } from './pack-heartbeat.js';
import type { ModelProgress, Progress } from './progress.js';

/** Counts of a run that packs under way add to. */
type Counted = Pick<Progress, 'ok' | 'failed' | 'truncated' | 'empty' | 'tokens' | 'requests'>;

/**
 * A run's progress with what its packs under way have done so far. The run itself hears of a pack when it ends, which
 * may take a minute.
 */
export function withPacks(progress: Progress, beats: readonly PackHeartbeat[]): Progress {
  if (beats.length === 0) return progress;
  const { spending } = progress;
  const models = progress.models.map((model) => {
    const own = beats.filter((beat) => beat.target === model.id);
    return {
      ...model,
      sent: sumCounts(model.sent, sum(own, 'requests')),
      ok: sumCounts(model.ok, sum(own, 'ok')),
      failed: sumCounts(model.failed, sum(own, 'failed')),
      tokens: sumCounts(model.tokens, sum(own, 'tokens')),
    };
  });
  return {
    ...progress,
    ...counted((name) => sumCounts(progress[name], sum(beats, name))),
    ...cachedTokens(sumCounts(progress.cachedTokens ?? 0, sum(beats, 'cachedTokens'))),
    spending: { ...spending, tokens: sumCounts(spending.tokens, sum(beats, 'tokens'), sum(beats, 'wastedTokens')) },
    models,
    ...endpointFigures(models),
  };
}

function endpointFigures(models: readonly ModelProgress[]): Pick<Progress, 'endpoints'> {
  const endpoints = endpointsOf(models);
  return endpoints.length === 0 ? {} : { endpoints };
}

/**
 * A run's newest progress, with no count lower than it was seen before: what a pack has done is told by nobody for the
 * moments between its end and its chunk's next report.
 */
export function noLess(before: Progress | undefined, now: Progress): Progress {
  if (before === undefined) return now;
  const models = new Map(before.models.map((model) => [model.id, model]));
  const highest = now.models.map((model) => {
    const { sent, ok, failed, tokens } = models.get(model.id) ?? model;
    return {
      ...model,
      sent: Math.max(sent, model.sent),
      ok: Math.max(ok, model.ok),
      failed: Math.max(failed, model.failed),
      tokens: Math.max(tokens, model.tokens),
    };
  });
  return {
    ...now,
    ...counted((name) => Math.max(before[name], now[name])),
    ...cachedTokens(Math.max(before.cachedTokens ?? 0, now.cachedTokens ?? 0)),
    spending: { ...now.spending, tokens: Math.max(before.spending.tokens, now.spending.tokens) },
    models: highest,
    ...endpointFigures(highest),
  };
}

function cachedTokens(tokens: number): Pick<Progress, 'cachedTokens'> {
  return tokens === 0 ? {} : { cachedTokens: tokens };
}

function sum(beats: readonly PackHeartbeat[], name: Exclude<keyof PackHeartbeat, 'target'>): number {
  return sumCounts(...beats.map((beat) => beat[name]));
}

function counted(of: (name: keyof Counted) => number): Counted {
  return {
    ok: of('ok'),
    failed: of('failed'),
    truncated: of('truncated'),
    empty: of('empty'),
    tokens: of('tokens'),
    requests: of('requests'),
  };
}
