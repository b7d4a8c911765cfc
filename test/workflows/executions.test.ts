import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { askedTimes, World } from '../support/batch-world.js';
import { until } from '../support/until.js';

const OPTIONS = { concurrency: 4, chunkSize: 2 };

/** Two chunks of which one is done and the other has both its requests in flight, as long as the test wants. */
async function halfDone() {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let waiting = 0;
  const world = await World.open({
    held: {
      includes: 'late',
      get until() {
        waiting++;
        return held;
      },
    },
  });
  const input = world.input(['prompt 0', 'prompt 1', 'late 2', 'late 3']);
  const run = await world.start(input, { options: OPTIONS });
  await until('a chunk is done', () => world.has(`runs/${run.id}/parts/0.json`));
  await until('the other one is under way', () => waiting === 2);
  return { world, input, run, release };
}

type Events = NonNullable<Awaited<ReturnType<typeof eventsOf>>>;

async function eventsOf(world: World, id: string) {
  return (await world.client.workflow.getHandle(id).fetchHistory()).events ?? [];
}

/** The end of a run's first workflow task, and of the one that starts its chunks. */
function taskAt(events: Events, where: 'first' | 'chunks'): Events[number] | undefined {
  const starts = events.findIndex((event) => event.startChildWorkflowExecutionInitiatedEventAttributes);
  const tasks = events.slice(0, starts).filter((event) => event.workflowTaskCompletedEventAttributes);
  return where === 'first' ? tasks[0] : tasks.at(-1);
}

it.each(['first', 'chunks'] as const)(
  'goes on after a reset to its %s task: chunks under way are taken over',
  async (where) => {
    const { world, run, release } = await halfDone();
    await world.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: run.id },
      reason: 'by a test',
      requestId: randomUUID(),
      workflowTaskFinishEventId: taskAt(await eventsOf(world, run.id), where)?.eventId ?? null,
    });
    const chunk = world.client.workflow.getHandle(`${run.id}/chunk-1`);
    const { runId } = await chunk.describe();
    await until('the chunk under way is another', async () => (await chunk.describe()).runId !== runId);
    release();
    expect(await run.result()).toMatchObject({ outcome: 'all', items: 4, ok: 4 });
    const answered = askedTimes(await world.requests(), true);
    expect([answered.get('prompt 0'), answered.get('prompt 1')], 'what was answered is not asked again').toEqual([
      1, 1,
    ]);
  },
);

it('goes on when it is terminated and started again at once', async () => {
  const { world, input, run, release } = await halfDone();
  await world.client.workflow.getHandle(run.id).terminate('by a test');
  const again = await world.start(input, { id: run.id, options: OPTIONS });
  release();
  expect(await again.result()).toMatchObject({ outcome: 'all', items: 4, ok: 4 });
  const answered = askedTimes(await world.requests(), true);
  expect([answered.get('prompt 0'), answered.get('prompt 1')]).toEqual([1, 1]);
});
