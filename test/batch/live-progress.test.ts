import fc from 'fast-check';
import { expect, it } from 'vitest';
import { noLess, withPacks } from '../../src/batch/live-progress.js';
import type { PackHeartbeat } from '../../src/batch/pack-heartbeat.js';
import type { Progress } from '../../src/batch/progress.js';
import { NO_PROGRESS } from '../../src/batch/run-view.js';

const model = (id: string, figures: { sent: number; ok: number; tokens: number }) =>
  ({ id, modality: 'text', nodes: 1, failed: 0, fallbacks: 0, down: false, ...figures }) as const;

const run = (ok: number, tokens: number): Progress => ({
  ...NO_PROGRESS,
  state: 'running',
  startedAt: 1,
  items: 100,
  ok,
  failed: 2,
  requests: ok + 2,
  tokens,
  spending: { tokens: tokens + 5, maxTotalTokens: 900 },
  models: [model('a', { sent: ok + 2, ok, tokens }), model('b', { sent: 0, ok: 0, tokens: 0 })],
});

const beat = (of: string, ok: number, failed = 0): PackHeartbeat => ({
  ...{
    target: of,
    open: 3,
    ok,
    failed,
    truncated: 1,
    empty: 1,
    tokens: ok * 10,
    wastedTokens: 7,
    cachedTokens: 0,
    requests: ok + 1,
  },
});

it('adds what packs under way have done, to the run and to the model that they ask', () => {
  const live = withPacks(run(10, 100), [beat('a', 4), beat('b', 5, 2), beat('gone', 1, 1)]);
  expect(live).toMatchObject({ ok: 20, failed: 5, requests: 25, truncated: 3, empty: 3, tokens: 200 });
  expect(live.spending).toEqual({ tokens: 105 + 100 + 21, maxTotalTokens: 900 });
  expect(live.models).toMatchObject([
    { id: 'a', sent: 17, ok: 14, failed: 0, tokens: 140 },
    { id: 'b', sent: 6, ok: 5, failed: 2, tokens: 50 },
  ]);
});

it('is the progress of the run where no pack is under way', () => {
  expect(withPacks(run(10, 100), [])).toEqual(run(10, 100));
});

it('never counts back while packs end and are reported, and takes everything else from the newest', () => {
  const before = withPacks(run(10, 100), [beat('a', 40, 3)]);
  const now: Progress = { ...run(15, 150), state: 'paused', reason: 'paused by an operator' };
  const shown = noLess(before, now);
  expect(shown).toMatchObject({
    ok: 50,
    failed: 5,
    requests: 53,
    tokens: 500,
    state: 'paused',
    reason: 'paused by an operator',
  });
  expect(shown.models[0]).toMatchObject({ sent: 53, ok: 50, failed: 3, tokens: 500 });
  expect(noLess(undefined, now)).toBe(now);
});

it('is the newest once the run knows as much', () => {
  fc.assert(
    fc.property(fc.nat(50), fc.nat(50), (known, more) => {
      const before = withPacks(run(known, known * 10), more === 0 ? [] : [beat('a', more)]);
      const now = withPacks(run(known + more + 1, 10_000), []);
      expect(noLess(before, now)).toEqual({ ...now, truncated: before.truncated, empty: before.empty });
    }),
  );
});
