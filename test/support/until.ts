import { setTimeout as delay } from 'node:timers/promises';

/** Pauses between two looks, ms: short at first, then long enough for what looks to cost the machine little. */
const SHORTEST_MS = 20;
const LONGEST_MS = 100;

/** Looks again and again until the condition holds; fails after `timeoutMs`, saying what did not come. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = SHORTEST_MS; !(await condition()); pause = Math.min(pause * 1.25, LONGEST_MS)) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(pause);
  }
}
