import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { prompts, World } from '../support/batch-world.js';
import { until } from '../support/until.js';
import { startWorkerFor } from '../wild/scripted-world.js';

/** A folder that the workers of a world do not share. */
function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-unshared-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it('a worker with another storage refuses packs and writes nothing, and the run goes on once one with its own is back', async () => {
  const world = await World.open({ simulator: { latency: { kind: 'fixed', ms: 50 } } });
  const run = await world.start(prompts(12), { options: { concurrency: 2, pack: 2 } });
  await world.answered(2);
  await run.pause();
  await world.stopWorker();
  const storage = ownFolder();
  await startWorkerFor(world, world.baseUrl, { storage });
  await run.resume();
  const chunk = world.client.workflow.getHandle(`${run.id}/chunk-0`);
  await until('a pack is refused in words', async () => {
    const { raw } = await chunk.describe();
    const failures = (raw.pendingActivities ?? []).map(({ lastFailure }) => lastFailure?.message ?? '');
    return failures.some((message) => message.startsWith("this worker does not see the run's storage: its own, "));
  });
  await world.stopWorker();
  await world.startWorker();
  expect(await run.result()).toMatchObject({ ok: 12, failed: 0 });
  expect(readdirSync(storage)).toEqual([]);
});
