import { executeChild, workflowInfo } from '@temporalio/workflow';
import type { BatchInput, BatchResult } from 'dria-temporal';
import { batchWorkflow } from 'dria-temporal/workflows';

// A plugin cannot add workflows to a bundle: exported here, they are in this worker's.
export { batchWorkflow, chunkWorkflow } from 'dria-temporal/workflows';

/** What to classify. */
export interface ReviewsInput {
  /** Absolute path of a JSONL file of prompts that the workers can read. */
  readonly file: string;
  /** Requests in flight at most. */
  readonly concurrency: number;
}

/** What became of it. */
export interface ReviewsReport {
  readonly classified: number;
  readonly failed: number;
  readonly tokensPerReview: number;
  /** Key of the results under the workers' storage root. */
  readonly results: string;
}

const SENTIMENT = {
  type: 'object',
  properties: { sentiment: { enum: ['good', 'bad', 'neither'] } },
  required: ['sentiment'],
  additionalProperties: false,
};

/** A workflow of your own: one of its steps is a batch of thousands of prompts. */
export async function classifyReviews({ file, concurrency }: ReviewsInput): Promise<ReviewsReport> {
  const input: BatchInput = { input: file, options: { concurrency, schema: SENTIMENT, maxTokens: 20 } };
  const result: BatchResult = await executeChild(batchWorkflow, {
    workflowId: `${workflowInfo().workflowId}/reviews`,
    args: [input],
  });
  return {
    classified: result.ok,
    failed: result.failed,
    tokensPerReview: result.ok === 0 ? 0 : Math.round(result.tokens / result.ok),
    results: result.results,
  };
}
