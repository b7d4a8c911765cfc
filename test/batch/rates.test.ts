import { describe, expect, test } from 'vitest';
import type { Progress } from '../../src/batch/progress.js';
import { look, NO_WINDOW, type RateWindow, ratesOf } from '../../src/batch/rates.js';
import { progressAt, START } from '../cli/terminal/runs.js';

/** The window after a snapshot each second, of which `at` says what it shows. */
function watch(seconds: number, at: (second: number) => Partial<Progress>, window: RateWindow = NO_WINDOW): RateWindow {
  let seen = window;
  for (let second = 0; second <= seconds; second += 1) seen = look(seen, progressAt(at(second)), START + second * 1000);
  return seen;
}

describe('rates of a run', () => {
  test('a steady run has its rate and the time that is left', () => {
    const window = watch(20, (second) => ({ ok: 10 * second, requests: 11 * second, tokens: 500 * second }));
    const rates = ratesOf(window, 1000);
    expect(rates).toEqual({ requestsPerSecond: 11, tokensPerSecond: 500, etaMs: 80_000 });
  });

  test('a rate is not said before it means something', () => {
    expect(ratesOf(NO_WINDOW, 1000)).toEqual({});
    expect(
      ratesOf(
        watch(2, (second) => ({ ok: 10 * second })),
        1000,
      ),
    ).toEqual({});
  });

  test('no time is promised after two items, or when none is left', () => {
    expect(
      ratesOf(
        watch(10, (second) => ({ ok: Math.min(2, second) })),
        1000,
      ).etaMs,
    ).toBeUndefined();
    expect(
      ratesOf(
        watch(10, (second) => ({ ok: 100 * second })),
        1000,
      ).etaMs,
    ).toBeUndefined();
  });

  test('a command that attaches late counts only what it saw', () => {
    const window = watch(10, (second) => ({ ok: 500 + second, requests: 5000 + second }));
    expect(ratesOf(window, 1000)).toMatchObject({ requestsPerSecond: 1, etaMs: 490_000 });
  });

  test('what was fast long ago is forgotten', () => {
    const window = watch(300, (second) => ({ requests: second < 100 ? 50 * second : 5000 + second - 100, ok: second }));
    expect(ratesOf(window, 1000).requestsPerSecond).toBeCloseTo(1, 1);
  });

  test('a slow run is looked at for longer than a minute', () => {
    const window = watch(240, (second) => ({ ok: Math.floor(second / 30) }));
    expect(ratesOf(window, 1000).etaMs).toBe((992 * 240_000) / 8);
  });

  test('a pause does not count, and nothing is promised in it', () => {
    const stopped = (second: number): Partial<Progress> => ({
      state: second < 20 || second >= 80 ? 'running' : 'paused',
      ok: second < 20 ? 10 * second : 200 + 10 * Math.max(0, second - 80),
    });
    expect(ratesOf(watch(60, stopped), 1000)).toEqual({});
    expect(ratesOf(watch(90, stopped), 1000).etaMs).toBe(70_000);
  });

  test('the samples stay few, however fast they come and however long they last', () => {
    let window = NO_WINDOW;
    for (let step = 0; step < 100_000; step += 1) window = look(window, progressAt({ ok: step }), START + step * 20);
    expect(window.samples.length).toBeLessThan(500);
    expect(ratesOf(window, 1_000_000).etaMs).toBeCloseTo((1_000_000 - 99_999) * 20, -1);
  });
});
