import { describe, expect, it } from 'vitest';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';
import { Crowd } from '../support/front.js';

const fixed = (ms: number) => ({ latency: { kind: 'fixed', ms } }) as const;

it('never has more requests in flight than permits, over all chunks, and uses them all', async () => {
  const world = await World.open({ simulator: fixed(150) });
  const run = await world.start(prompts(70), { options: { concurrency: 6, chunkSize: 4 } });
  expect(await run.result()).toMatchObject({ ok: 70, requests: 70 });
  expect((await world.stats()).maxInFlight).toBe(6);
});

it('does one request at a time with a single permit', async () => {
  const world = await World.open();
  const run = await world.start(prompts(12), { options: { concurrency: 1, chunkSize: 3 } });
  expect(await run.result()).toMatchObject({ ok: 12 });
  const requests = await world.requests();
  expect((await world.stats()).maxInFlight).toBe(1);
  expect(requests.map(({ prompt }) => prompt).sort()).toEqual(prompts(12).sort());
});

it('goes on with the next chunks while one item of the first takes long', async () => {
  let release: () => void = () => undefined;
  const seen = new Promise<void>((resolve) => {
    release = resolve;
  });
  const world = await World.open({ simulator: fixed(20), held: { includes: 'prompt 0', until: seen } });
  const run = await world.start(prompts(40), { options: { concurrency: 3, chunkSize: 4 } });
  const progress = await progressUntil(run, 'all but the first chunk are done', ({ chunks }) => chunks.done === 9);
  expect(progress).toMatchObject({ state: 'running', chunks: { total: 10, started: 10, done: 9 } });
  release();
  const result = await run.result();
  const last = (await world.requests()).at(-1);
  expect(last?.status).toBe(200);
  expect(result).toMatchObject({ ok: 40 });
});

it('gives permits to as many chunks as it takes to use them', async () => {
  const crowd = new Crowd(60);
  const world = await World.open({ crowd });
  const run = await world.start(prompts(60), { options: { concurrency: 60, chunkSize: 1 } });
  expect(await run.result()).toMatchObject({ ok: 60 });
  expect(crowd.most).toBe(60);
});

describe('with hundreds of permits', () => {
  /** A run of 450 prompts in two chunks on 300 permits, and the longest of its histories. */
  async function hundreds(pack?: number) {
    const crowd = new Crowd(300);
    const world = await World.open({ simulator: fixed(500), crowd, noWorker: true });
    await world.startWorker({ maxRequests: 400 });
    const run = await world.start(prompts(450), {
      // A machine that is busy with 300 activities may be late with heartbeats: no reason to start one again here.
      heartbeatTimeoutMs: 30_000,
      options: { concurrency: 300, chunkSize: 300, ...(pack === undefined ? {} : { pack }) },
    });
    expect(await run.result()).toMatchObject({ ok: 450, failed: 0, requests: 450 });
    expect([...askedTimes(await world.requests()).values()].every((times) => times === 1)).toBe(true);
    const query = `WorkflowId STARTS_WITH '${run.id}'`;
    const lengths: number[] = [];
    for await (const { historyLength } of world.client.workflow.list({ query })) lengths.push(historyLength);
    return { most: crowd.most, longest: Math.max(...lengths) };
  }

  it('never has more requests in flight than permits, and uses them all, where packs are wide', async () => {
    const { most, longest } = await hundreds();
    expect(most).toBe(300);
    expect(longest).toBeLessThan(600);
  });

  it('never has more requests in flight than permits, and uses them all, where each has its own pack', async () => {
    const { most, longest } = await hundreds(1);
    expect(most).toBe(300);
    expect(longest).toBeLessThan(4096);
  });
});

it('moves permits between packs of different models, with one that fails in between', async () => {
  const world = await World.open({
    noWorker: true,
    simulator: {
      ...fixed(300),
      models: [
        { id: 'one', nodes: 2 },
        { id: 'two', nodes: 1 },
      ],
      rules: [{ match: { model: 'two', times: 3 }, respond: { status: 503 } }],
    },
  });
  await world.startWorker({ maxRequests: 100 });
  const run = await world.start(prompts(600), { options: { concurrency: 60, chunkSize: 200 } });
  expect(await run.result()).toMatchObject({ ok: 600, failed: 0 });
  expect((await world.stats()).maxInFlight).toBeLessThanOrEqual(60);
});
