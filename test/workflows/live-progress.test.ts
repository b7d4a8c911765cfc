import { expect, it } from 'vitest';
import type { Progress } from '../../src/batch/progress.js';
import { progressUntil, prompts, World } from '../support/batch-world.js';

it('tells what packs under way have done before they end, and the same once the run knows itself', async () => {
  // The last item of each of the two packs keeps it from ending while it is looked at.
  const rules = ['prompt 19', 'prompt 39'].map((promptIncludes) => ({
    match: { promptIncludes },
    respond: { kind: 'answer', delayMs: 6_000 } as const,
  }));
  const world = await World.open({ simulator: { models: [{ id: 'one', nodes: 1 }], rules } });
  const run = await world.start(prompts(40), { options: { concurrency: 2, pack: 20 } });
  const live = await progressUntil(run, 'all other answers are told', ({ ok }) => ok === 38);
  expect(live).toMatchObject({ state: 'running', requests: 38, models: [{ id: 'one', sent: 38, ok: 38 }] });
  expect(live.spending.tokens).toBe(live.tokens);
  const known = await world.client.workflow.getHandle(run.id).query<Progress>('progress');
  expect(known).toMatchObject({ ok: 0, requests: 0, tokens: 0 });
  const { tokens } = await run.result();
  expect(await run.progress()).toMatchObject({ ok: 40, requests: 40, tokens, models: [{ sent: 40, ok: 40, tokens }] });
});

it('is of one execution where it is asked of one', async () => {
  const rules = [{ match: { promptIncludes: 'prompt 3' }, respond: { kind: 'answer', delayMs: 6_000 } as const }];
  const world = await World.open({ noWorker: true, simulator: { models: [{ id: 'one', nodes: 1 }], rules } });
  const options = { concurrency: 1, pack: 4 };
  const first = await world.start(prompts(4), { options });
  const { runId } = await world.client.workflow.getHandle(first.id).describe();
  await first.cancel();
  await world.startWorker();
  await expect(first.result()).rejects.toThrow();
  const ended = world.batches.handle(first.id, runId);
  const again = await world.start(prompts(4), { options, id: first.id });
  await progressUntil(again, 'its pack has told what it did', (progress) => progress.ok === 3);
  expect(await ended.progress()).toMatchObject({ ok: 0, requests: 0 });
  await again.result();
});
