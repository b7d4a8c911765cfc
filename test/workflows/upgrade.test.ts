import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { versioningOf } from '../../src/worker-version.js';
import { askedTimes, progressUntil, World } from '../support/batch-world.js';
import { ownWorker } from '../support/own-worker.js';
import { until } from '../support/until.js';

/** Starts a worker of a version and makes that version the current one. */
async function deploy(world: World, deploymentName: string, buildId: string, maxCachedWorkflows: number | undefined) {
  const plugin = new DriaBatchPlugin({ baseUrl: world.baseUrl, apiKey: 'test-key', storage: world.root });
  const worker = await ownWorker(world, {
    taskQueue: world.taskQueue,
    plugins: [plugin],
    ...versioningOf({ deploymentName, buildId }),
    ...(maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows }),
  });
  const { workflowService } = world.client;
  // The server knows a version once a worker of it has polled.
  await until(`version ${buildId} is current`, async () => {
    const request = { namespace: 'default', deploymentName, buildId, identity: 'test' };
    return await workflowService.setWorkerDeploymentCurrentVersion(request).then(
      () => true,
      () => false,
    );
  });
  return worker;
}

it.each([
  ['', undefined],
  [', and no workflow is cached', 0],
])('a run moves to the workers of a new version in its middle%s, and no item is lost or doubled', async (_, cached) => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const world = await World.open({ noWorker: true, held: { includes: 'held', until: held } });
  const deployment = `dria-${randomUUID()}`;
  const old = await deploy(world, deployment, 'v1', cached);
  const lines = Array.from({ length: 120 }, (_line, at) => (at < 40 ? `plain ${at}` : `held ${at}`));
  const run = await world.start(lines, { options: { concurrency: 5, chunkSize: 20 } });
  await progressUntil(run, 'the first items have an answer', ({ ok }) => ok >= 30);
  expect(
    (await world.client.workflow.getHandle(run.id).describe()).raw.workflowExecutionInfo?.versioningInfo,
  ).toMatchObject({
    deploymentVersion: { buildId: 'v1' },
  });
  await deploy(world, deployment, 'v2', cached);
  release();
  const result = await run.result();
  await old.stop();
  expect(result).toMatchObject({ items: 120, ok: 120, failed: 0 });
  expect(world.output(result.results).map(({ id }) => id)).toEqual(lines.map((_line, at) => at + 1));
  expect(Math.max(...askedTimes(await world.requests(), true).values())).toBe(1);
  const [newest, first] = await executionsOf(world, run.id);
  expect([first?.version, newest?.version]).toEqual(['v1', 'v2']);
});

/** The executions of a run, the newest first. */
async function executionsOf(world: World, id: string): Promise<{ readonly version: string | null | undefined }[]> {
  const versions: { version: string | null | undefined }[] = [];
  let execution = (await world.batches.handle(id).describe())?.runId;
  while (execution !== undefined) {
    const handle = world.client.workflow.getHandle(id, execution);
    const { raw } = await handle.describe();
    versions.push({ version: raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId });
    const { events } = await handle.fetchHistory();
    execution = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
  }
  return [versions[0], versions.at(-1)].flatMap((found) => (found === undefined ? [] : [found]));
}
