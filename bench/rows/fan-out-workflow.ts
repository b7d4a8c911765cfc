import { proxyActivities } from '@temporalio/workflow';
import pLimit from 'p-limit';
import type { Prompt, Result } from './prompt.js';

const { ask } = proxyActivities<{ ask(prompt: Prompt): Promise<Result> }>({
  startToCloseTimeout: '2 minutes',
  retry: { maximumAttempts: 4 },
});

/** The plain fan-out: one activity a prompt, prompts and answers in the history, so many at a time. */
export async function fanOutWorkflow(prompts: Prompt[], lanes: number): Promise<Result[]> {
  const limit = pLimit(lanes);
  return await Promise.all(prompts.map((prompt) => limit(() => ask(prompt))));
}
