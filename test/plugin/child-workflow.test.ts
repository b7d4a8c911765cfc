import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import type { ReviewsInput, ReviewsReport } from '../../examples/child-workflow/workflows.js';
import { askedTimes, prompts, World } from '../support/batch-world.js';
import { ROOT } from '../support/build.js';
import { until } from '../support/until.js';

const EXAMPLE = join(ROOT, 'examples/child-workflow');
const KEY = 'dkn_live_example';

type ClassifyReviews = (input: ReviewsInput) => Promise<ReviewsReport>;

beforeAll(() => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', EXAMPLE], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the example does not compile:\n${stdout}`);
});

/** The example's worker as its README starts it. */
function startExample(world: World): ChildProcess {
  const child = spawn(process.execPath, [join(EXAMPLE, 'dist/worker.js')], {
    env: {
      PATH: process.env.PATH,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TASK_QUEUE: world.taskQueue,
      DRIA_BASE_URL: world.baseUrl,
      DRIA_API_KEY: KEY,
      DRIA_TEMPORAL_STORAGE: world.root,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

it("runs a batch as a child of another project's workflow, on that project's worker, and ends in order", async () => {
  const world = await World.open({ noWorker: true, simulator: { keys: [KEY] } });
  const worker = startExample(world);
  const workflowId = `reviews-${world.taskQueue}`;
  const report = await world.client.workflow.execute<ClassifyReviews>('classifyReviews', {
    workflowId,
    taskQueue: world.taskQueue,
    args: [{ file: world.input(prompts(30)), concurrency: 5 }],
  });
  expect(report).toEqual({
    classified: 30,
    failed: 0,
    tokensPerReview: expect.any(Number),
    results: expect.stringMatching(/results\.jsonl$/),
  });
  const lines = world.output(report.results);
  expect(lines.map(({ id }) => id)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  expect(lines.every(({ parsed }) => JSON.stringify(parsed).includes('sentiment'))).toBe(true);
  const kept = await historiesOf(world, [workflowId, `${workflowId}/reviews`, `${workflowId}/reviews/chunk-0`]);
  expect(kept).toContain(`"file":"${world.root}`);
  expect(kept).not.toContain(KEY);
  const ended = once(worker, 'exit');
  worker.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

it('finishes its requests in flight at SIGTERM and hands back the rest, though nobody has set a grace', async () => {
  let [isHeld, release] = [false, (): void => undefined];
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const held = {
    includes: 'prompt 3"',
    get until() {
      isHeld = true;
      return released;
    },
  };
  const world = await World.open({
    noWorker: true,
    held,
    simulator: { keys: [KEY], latency: { kind: 'fixed', ms: 50 } },
  });
  const worker = startExample(world);
  const run = await world.start(prompts(200), { options: { concurrency: 4 } });
  await until('a request that waits', () => isHeld);
  const log = textOf(worker.stderr);
  const ended = once(worker, 'exit');
  worker.kill('SIGTERM');
  await until('the worker shuts down', () => log().includes('STOPPING'));
  release();
  expect(await ended).toEqual([0, null]);
  const before = await world.requests();
  expect(before.length).toBeLessThan(200);
  await world.startWorker({ apiKey: KEY });
  expect(await run.result()).toMatchObject({ items: 200, ok: 200 });
  expect(new Set(askedTimes(await world.requests()).values())).toEqual(new Set([1]));
});

/** Collects what a stream brings from now on. */
function textOf(stream: Readable | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  return () => text;
}

/** All texts that the server keeps of the executions, payloads included. */
async function historiesOf(world: World, workflowIds: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const workflowId of workflowIds) {
    const { events } = await world.client.workflow.getHandle(workflowId).fetchHistory();
    texts.push(...textsIn(events));
  }
  return texts.join('\n');
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
