import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import type { ReviewsInput, ReviewsReport } from '../../examples/child-workflow/workflows.js';
import { prompts, World } from '../support/batch-world.js';
import { ROOT } from '../support/build.js';

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
      DRIA_BASE_URL: world.simulator.url,
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
