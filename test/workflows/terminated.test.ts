import { expect, it } from 'vitest';
import { prompts, World } from '../support/batch-world.js';
import { until } from '../support/until.js';

/** Looks at the network in a row, each without a request in flight, after which a pack has ended. */
const QUIET = 10;

it('a run that is terminated asks no more once its packs have sent a heartbeat', async () => {
  const world = await World.open({ simulator: { latency: { kind: 'fixed', ms: 100 } } });
  // One pack, which would ask for 50 s.
  const run = await world.start(prompts(1000), { options: { concurrency: 2, pack: 1000 } });
  await world.answered(4);
  await world.client.workflow.getHandle(run.id).terminate('by a test');
  let quiet = 0;
  await until('nothing is asked any more', async () => {
    quiet = (await world.stats()).inFlight === 0 ? quiet + 1 : 0;
    return quiet >= QUIET;
  });
  const { requests } = await world.stats();
  expect(requests).toBeLessThan(600);
  expect(await run.result().catch((error: unknown) => error)).toMatchObject({ name: 'WorkflowFailedError' });
});
