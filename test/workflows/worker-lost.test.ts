import { expect, it } from 'vitest';
import type { RequestRecord } from '../../src/simulator/record.js';
import { prompts, World } from '../support/batch-world.js';
import { WorkerProcess } from '../support/worker-process.js';

const LANES = 4;
const LATENCY_MS = 100;

/** An answer is in storage at most this long after it came: the flush interval and the time to write. */
const FLUSHED_MS = 1500;

it('goes on with another worker after kill -9, and pays again only for what had not reached storage', async () => {
  const world = await World.open({ noWorker: true, simulator: { latency: { kind: 'fixed', ms: LATENCY_MS } } });
  const first = await WorkerProcess.start(world);
  const run = await world.start(prompts(160), {
    options: { concurrency: LANES, chunkSize: 80, pack: 20 },
    heartbeatTimeoutMs: 1000,
  });
  await world.answered(70);
  const killedAt = Date.now();
  await first.kill();
  await WorkerProcess.start(world);

  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ items: 160, ok: 160, failed: 0 });
  expect(world.output(results).map(({ id }) => id)).toEqual(Array.from({ length: 160 }, (_, index) => index + 1));
  const again = answeredTwice(await world.requests());
  expect(again.every(({ at }) => killedAt - (at + LATENCY_MS) < FLUSHED_MS)).toBe(true);
  expect(again.length).toBeLessThanOrEqual((LANES * FLUSHED_MS) / LATENCY_MS);
  // What had been written before is most of what was answered.
  expect(again.length).toBeLessThan(70);
});

/** First answers to prompts that were answered once more later. */
function answeredTwice(requests: readonly RequestRecord[]): RequestRecord[] {
  const first = new Map<string, RequestRecord>();
  const twice: RequestRecord[] = [];
  for (const request of requests) {
    const { prompt = '', answered } = request;
    if (answered !== true) continue;
    const before = first.get(prompt);
    if (before === undefined) first.set(prompt, request);
    else twice.push(before);
  }
  return twice;
}
