import type { PackBeat } from './pack-beat.js';
import type { ModelProgress, Progress } from './progress.js';

/** Counts that packs under way add to. */
type Counted = Pick<Progress, 'ok' | 'truncated' | 'empty' | 'tokens' | 'requests'>;
type CountedOfAModel = Pick<ModelProgress, 'sent' | 'ok' | 'tokens'>;

/**
 * A run's progress with what its packs under way have done so far. The run itself hears of a pack when it ends, which
 * may take a minute.
 */
export function withPacks(progress: Progress, beats: readonly PackBeat[]): Progress {
  if (beats.length === 0) return progress;
  const { spending } = progress;
  return {
    ...progress,
    ...counted((name) => progress[name] + sum(beats, name)),
    spending: { ...spending, tokens: spending.tokens + sum(beats, 'tokens') + sum(beats, 'wastedTokens') },
    models: progress.models.map((model) => {
      const own = beats.filter((beat) => beat.model === model.id);
      const done: CountedOfAModel = { sent: sum(own, 'requests'), ok: sum(own, 'ok'), tokens: sum(own, 'tokens') };
      return { ...model, ...countedOfAModel((name) => model[name] + done[name]) };
    }),
  };
}

/**
 * A run's newest progress, with no count lower than it was seen before: what a pack has done is told by nobody for the
 * moments between its end and its chunk's next report.
 */
export function noLess(before: Progress | undefined, now: Progress): Progress {
  if (before === undefined) return now;
  const models = new Map(before.models.map((model) => [model.id, model]));
  return {
    ...now,
    ...counted((name) => Math.max(before[name], now[name])),
    spending: { ...now.spending, tokens: Math.max(before.spending.tokens, now.spending.tokens) },
    models: now.models.map((model) => {
      const seen = models.get(model.id) ?? model;
      return { ...model, ...countedOfAModel((name) => Math.max(seen[name], model[name])) };
    }),
  };
}

function sum(beats: readonly PackBeat[], name: Exclude<keyof PackBeat, 'model'>): number {
  return beats.reduce((total, beat) => total + beat[name], 0);
}

function counted(of: (name: keyof Counted) => number): Counted {
  return {
    ok: of('ok'),
    truncated: of('truncated'),
    empty: of('empty'),
    tokens: of('tokens'),
    requests: of('requests'),
  };
}

function countedOfAModel(of: (name: keyof CountedOfAModel) => number): CountedOfAModel {
  return { sent: of('sent'), ok: of('ok'), tokens: of('tokens') };
}
