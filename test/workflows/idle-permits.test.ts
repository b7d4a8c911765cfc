import { expect, it } from 'vitest';
import type { RequestRecord } from '../../src/simulator/record.js';
import { prompts, World } from '../support/batch-world.js';

/** Longest time that a permit may be without a request here, ms: half of the shortest answer, on a machine that is busy. */
const IDLE_MS = 750;

/**
 * Returns the longest time in which fewer requests than permits were in flight though an item had not been asked, ms.
 * `bench/` has what it is on a quiet machine.
 */
function longestIdle(requests: readonly RequestRecord[], permits: number): number {
  const starts = requests.map(({ at }) => at).sort((a, b) => a - b);
  const ends = requests.map(({ at, latencyMs = 0 }) => at + latencyMs).sort((a, b) => a - b);
  let [longest, ended] = [0, 0];
  for (const [started, at] of starts.entries()) {
    while ((ends[ended] ?? Number.POSITIVE_INFINITY) <= at) ended++;
    // The request that starts here could have started when the last of the permits that are free now came free.
    const free = permits - (started - ended);
    const since = started < permits ? starts[0] : ends[ended - free];
    longest = Math.max(longest, at - (since ?? at));
  }
  return longest;
}

it.each([
  [20, 10],
  [45, 20],
  [130, 50],
  [500, 100],
])(
  'has a request for every permit as long as an item has not been asked: %i items with %i permits',
  async (items, permits) => {
    const world = await World.open({
      simulator: { models: [{ id: 'one', nodes: 9 }], latency: { kind: 'uniform', minMs: 1_500, maxMs: 2_500 } },
    });
    const run = await world.start(prompts(items), { options: { concurrency: permits } });
    expect(await run.result()).toMatchObject({ ok: items, requests: items });
    expect((await world.stats()).maxInFlight).toBe(Math.min(items, permits));
    expect(longestIdle(await world.requests(), permits)).toBeLessThan(IDLE_MS);
  },
);
