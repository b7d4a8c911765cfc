import { ApplicationFailure } from '@temporalio/workflow';
import { type OutputLine, type PromptItem, portionsOf, tooLargeToRead } from '../batch/prompts.js';
import type { BatchResult } from '../batch/run.js';
import { promptSteps } from './activities.js';

/** How a workflow reaches the workers of its batches. */
export interface PromptSteps {
  /** Task queue of the workers with `DriaBatchPlugin`. Default: the workflow's own. */
  readonly taskQueue?: string;
}

/**
 * Stages prompts that a workflow has in memory, in portions that fit into payloads. Returns the `input` of a
 * `batchWorkflow`. Fails with an `InvalidInput` that says what to do for no prompts, and for more than 8 MB of them: those
 * are staged in an activity.
 */
export async function stagePrompts(items: readonly PromptItem[], options: PromptSteps = {}): Promise<string> {
  const steps = promptSteps(options.taskQueue);
  const portions = refused(() => portionsOf(items));
  if (portions.length === 0) throw ApplicationFailure.nonRetryable('there are no prompts to stage', 'InvalidInput');
  const inputs: string[] = [];
  // One after the other: the server takes 4 MB of commands at a time.
  for (const portion of portions) inputs.push((await steps.stagePrompts({ items: portion })).input);
  const [first = ''] = inputs;
  return inputs.length === 1 ? first : (await steps.joinInputs({ inputs })).input;
}

/**
 * Reads the output lines of a run in a workflow, page by page, in input order. Fails with an `InvalidInput` that says what
 * to do for results of more than 8 MB: those are read in an activity.
 */
export async function* readResults(
  { results }: Pick<BatchResult, 'results'>,
  options: PromptSteps = {},
): AsyncGenerator<OutputLine, void, undefined> {
  const steps = promptSteps(options.taskQueue);
  for (let from: number | undefined = 0; from !== undefined; ) {
    const page: Awaited<ReturnType<typeof steps.readResults>> = await steps.readResults({ results, from });
    const problem = tooLargeToRead(page.size);
    if (problem !== undefined) throw ApplicationFailure.nonRetryable(problem, 'InvalidInput');
    yield* page.lines;
    from = page.next;
  }
}

function refused<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw ApplicationFailure.nonRetryable(error.message, 'InvalidInput');
  }
}
