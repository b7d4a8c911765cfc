import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { prompts, World } from '../support/batch-world.js';

/** `WILD_ITEMS=1000000` tries the size that is promised. */
const ITEMS = Number(process.env.WILD_ITEMS ?? 5_000);
const CHUNK = 50_000;

/** A tenth of what Temporal refuses. */
const MAX_PAYLOAD_BYTES = 200_000;

it(`19: carries no failure text through histories: ${ITEMS} items of which a third fail with long four-byte texts`, async () => {
  const world = await World.open({ noWorker: true, simulator: { record: false, quirks: ['long-errors=3'] } });
  await world.startWorker({ maxRequests: 200 });
  const run = await world.start(prompts(ITEMS), { options: { concurrency: 200, chunkSize: CHUNK, pack: 1000 } });
  const { results, ok, failed, failedByKind } = await run.result();
  expect(ok + failed).toBe(ITEMS);
  expect(failed).toBeGreaterThan(ITEMS / 4);
  expect(failedByKind).toEqual({ 400: failed });
  expect(await countLines(join(world.root, results))).toEqual({ answers: ok, errors: failed });
  const sizes = await payloadSizes(world, run.id);
  // The parent's and the chunks' histories were found.
  expect(sizes.length).toBeGreaterThan(20 + ITEMS / CHUNK);
  expect(Math.max(...sizes)).toBeLessThan(MAX_PAYLOAD_BYTES);
}, 1_200_000);

/** Counts output lines; each error is a text of whole characters, clipped. */
async function countLines(path: string): Promise<{ answers: number; errors: number }> {
  const counts = { answers: 0, errors: 0 };
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (!line.includes('"error"')) counts.answers++;
    else {
      counts.errors++;
      if (!/"error":"400: \p{L}+…"|"error":"400: \p{So}+…"/u.test(line)) throw new Error(`not as expected: ${line}`);
    }
  }
  return counts;
}

/** Returns the bytes of every payload in every history of a run, its chunks' and earlier executions' included. */
async function payloadSizes(world: World, run: string): Promise<number[]> {
  const query = `WorkflowId = '${run}' OR WorkflowId STARTS_WITH '${run}/'`;
  const sizes: number[] = [];
  for await (const { workflowId, runId } of world.client.workflow.list({ query })) {
    const history = await world.client.workflow.getHandle(workflowId, runId).fetchHistory();
    collectSizes(history.events, sizes);
  }
  return sizes;
}

function collectSizes(value: unknown, sizes: number[]): void {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return;
  for (const [name, field] of Object.entries(value)) {
    if (name === 'data' && field instanceof Uint8Array) sizes.push(field.byteLength);
    else collectSizes(field, sizes);
  }
}
