import { promptHash } from '../src/simulator/chat-request.js';
import { latencyMs } from '../src/simulator/latency.js';
import { type BenchOptions, MODEL, SEED } from './options.js';

/** The times that the simulated network takes to answer the prompts, ms: what every row waits for. */
export function answerTimes(
  prompts: readonly string[],
  { latency, slow }: Pick<BenchOptions, 'latency' | 'slow'>,
): number[] {
  return prompts.map((prompt) =>
    latencyMs({ kind: 'uniform', ...latency }, slow, { seed: SEED, model: MODEL, content: promptHash(prompt) }),
  );
}

/**
 * The shortest time that a loop without any cost of its own takes, ms: every answer starts, in the order of the input,
 * as soon as a lane is free (greedy list scheduling). Never under the sum of the times divided by the lanes.
 */
export function idealMs(times: readonly number[], lanes: number): number {
  const freeAt = new Array<number>(Math.min(lanes, Math.max(times.length, 1))).fill(0);
  for (const time of times) {
    const next = freeAt.indexOf(Math.min(...freeAt));
    freeAt[next] = (freeAt[next] ?? 0) + time;
  }
  return Math.max(...freeAt);
}
