import type { PackBeat } from './pack-beat.js';
import type { Progress } from './progress.js';

/** Counts of a run that packs under way add to. */
type Counted = Pick<Progress, 'ok' | 'truncated' | 'empty' | 'tokens' | 'requests'>;

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
      return {
        ...model,
        sent: model.sent + sum(own, 'requests'),
        ok: model.ok + sum(own, 'ok'),
        tokens: model.tokens + sum(own, 'tokens'),
      };
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
      const { sent, ok, tokens } = models.get(model.id) ?? model;
      return {
        ...model,
        sent: Math.max(sent, model.sent),
        ok: Math.max(ok, model.ok),
        tokens: Math.max(tokens, model.tokens),
      };
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
