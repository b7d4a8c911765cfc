import {
  condition,
  defineSignal,
  executeChild,
  proxyActivities,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { batchWorkflow, readResults, stagePrompts } from '../../src/workflows/index.js';

export { triageTickets } from '../../examples/in-memory/workflows.js';
export { batchWorkflow, chunkWorkflow } from '../../src/workflows/index.js';

/** Answers prompts of a size, and returns the order of their ids. */
export async function roundTrip(items: number, size: number): Promise<{ ids: (string | number)[]; portions: number }> {
  const text = 'x'.repeat(size);
  const input = await stagePrompts(Array.from({ length: items }, (_, id) => ({ id, prompt: `${id} ${text}` })));
  const { historyLength } = workflowInfo();
  const workflowId = `${workflowInfo().workflowId}/batch`;
  const result = await executeChild(batchWorkflow, {
    workflowId,
    args: [{ input, options: { concurrency: 100 } }],
  });
  const ids: (string | number)[] = [];
  for await (const { id } of readResults(result)) ids.push(id);
  return { ids, portions: Math.floor(historyLength / 6) };
}

export async function readKey(results: string): Promise<number> {
  let lines = 0;
  for await (const _line of readResults({ results })) lines++;
  return lines;
}

const { greet } = proxyActivities<{ greet(name: string): Promise<string> }>({ startToCloseTimeout: '1 minute' });

/** Sent when all permits of the batch wait for answers. */
export const busySignal = defineSignal('busy');

/** Starts a batch, on its own task queue if one is named, and does not wait for it before an activity of its own. */
export async function greetBesideBatch(input: string, batchQueue?: string): Promise<string> {
  const batch = await startChild(batchWorkflow, {
    workflowId: `${workflowInfo().workflowId}/batch`,
    ...(batchQueue === undefined ? {} : { taskQueue: batchQueue }),
    parentClosePolicy: 'TERMINATE',
    args: [{ input, options: { concurrency: 50, pack: 1 } }],
  });
  let isBusy = false;
  setHandler(busySignal, () => {
    isBusy = true;
  });
  await condition(() => isBusy);
  return `${await greet('Ada')} beside ${batch.workflowId.split('/').at(-1)}`;
}
