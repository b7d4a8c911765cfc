import { executeChild, proxyActivities, workflowInfo } from '@temporalio/workflow';
import { batchWorkflow, readResults, stagePrompts } from 'dria-temporal/workflows';
import type * as activities from './activities.js';

// A plugin cannot add workflows to a bundle: exported here, they are in this worker's.
export { batchWorkflow, chunkWorkflow } from 'dria-temporal/workflows';

const { fetchTickets, escalate } = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute' });

const URGENCY = {
  type: 'object',
  properties: { urgency: { enum: ['high', 'low'] } },
  required: ['urgency'],
  additionalProperties: false,
};

/** What became of the tickets. */
export interface TriageReport {
  readonly tickets: number;
  readonly escalated: readonly (string | number)[];
  readonly failed: number;
}

/** Classifies what an activity has fetched, with no file anywhere, and goes on with the answers. */
export async function triageTickets(day: string): Promise<TriageReport> {
  const tickets = await fetchTickets(day);
  const input = await stagePrompts(
    tickets.map(({ id, text }) => ({ id, prompt: `How urgent is this ticket?\n\n${text}` })),
  );
  const result = await executeChild(batchWorkflow, {
    workflowId: `${workflowInfo().workflowId}/urgency`,
    args: [{ input, options: { schema: URGENCY, maxTokens: 20 } }],
  });
  const escalated: (string | number)[] = [];
  for await (const { id, parsed } of readResults(result)) {
    if (JSON.stringify(parsed) === '{"urgency":"high"}') escalated.push(id);
  }
  await escalate(escalated);
  return { tickets: tickets.length, escalated, failed: result.failed };
}
