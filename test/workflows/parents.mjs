import {
  ApplicationFailure,
  condition,
  defineSignal,
  executeChild,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { batchFailureOf, batchWorkflow, pauseSignal, resumeSignal, setSignal } from '../../dist/workflows/index.js';

export { batchWorkflow, chunkWorkflow } from '../../dist/workflows/index.js';

const notice = defineSignal('notice');

const options = (input) => ({ workflowId: `${workflowInfo().workflowId}/run`, args: [input] });

/** Pauses its run at once, changes it, also in a way that cannot be, and resumes it when it is said to be paused. */
export async function steersItsRun(input) {
  const notices = [];
  setHandler(notice, (newest) => void notices.push(newest));
  const run = await startChild(batchWorkflow, options({ ...input, notify: { signal: 'notice' } }));
  await run.signal(pauseSignal);
  await run.signal(setSignal, { maxTokens: 33 });
  await run.signal(setSignal, { concurrency: 0 });
  await condition(() => notices.some(({ state }) => state === 'paused'));
  await run.signal(resumeSignal);
  const { ok, notes } = await run.result();
  return { ok, notes, notices };
}

/** Returns how the failure of its run looks to it. */
export async function readsItsFailure(input) {
  try {
    return { result: await executeChild(batchWorkflow, options(input)) };
  } catch (error) {
    const shape = [];
    for (let cause = error; cause !== undefined; cause = cause.cause) shape.push([cause.name, cause.type]);
    return { shape, failure: batchFailureOf(error) };
  }
}

/** Fails after its run in its first two attempts. */
export async function isRetried(input) {
  const { ok, requests } = await executeChild(batchWorkflow, options(input));
  if (workflowInfo().attempt < 3) throw ApplicationFailure.retryable('not yet');
  return { ok, requests, attempt: workflowInfo().attempt };
}
