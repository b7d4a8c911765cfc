import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Counts } from '../batch/counts.js';
import { resultFormat } from '../batch/output-format.js';
import { MAX_INLINE_BYTES, notInline } from '../batch/prompts.js';
import type {
  AssembledResults,
  AssembleInput,
  CopyInput,
  EndInput,
  FailItemsInput,
  PartInput,
} from '../batch/step-contract.js';
import * as copying from '../store/copy-results.js';
import * as failing from '../store/fail-items.js';
import * as merging from '../store/merge.js';
import { ReconciliationError } from '../store/merge.js';
import { endOwnership } from '../store/owner.js';
import { readSmallResults } from '../store/prompts.js';
import * as joining from '../store/results.js';
import { putSummary } from '../store/summary.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { warn } from './warn.js';

/** Merges a chunk's records and invalid lines into its part. Idempotent. */
export function writePart({ storage, logs }: ActivityDependencies, input: PartInput): Promise<{ counts: Counts }> {
  const { chunk } = input.chunk;
  return translated(() =>
    withHeartbeat(
      () => ({ chunk }),
      async () => {
        const part = await merging.writePart(storage, input, warn).catch(rethrowIncomplete);
        logs.forget(Context.current().info.workflowExecution?.runId ?? '', input.run, chunk);
        return part;
      },
    ),
  );
}

function rethrowIncomplete(error: unknown): never {
  if (!(error instanceof ReconciliationError)) throw error;
  throw ApplicationFailure.nonRetryable(error.message, 'ReconciliationFailed');
}

/** Writes failure records for items that no target can answer. Idempotent. */
export function failItems({ storage }: ActivityDependencies, input: FailItemsInput): Promise<{ counts: Counts }> {
  return translated(() =>
    withHeartbeat(
      () => ({ chunk: input.chunk }),
      () => failing.failItems(storage, input, warn),
    ),
  );
}

/** Writes the summary of a run that did not complete, and leaves its directory to others. */
export function endRun({ storage }: ActivityDependencies, { run, chain, summary }: EndInput): Promise<void> {
  return translated(async () => {
    if (summary !== undefined) await putSummary(storage, run, summary);
    await endOwnership(storage, run, chain);
  });
}

/**
 * Joins the parts into the results and writes the summary. Ends between two parts when its worker's grace is over, and
 * when it is cancelled or another attempt has taken over.
 */
export function assembleResults({ storage }: ActivityDependencies, input: AssembleInput): Promise<AssembledResults> {
  let joined = 0;
  const onPart = (): void => {
    joined++;
  };
  return translated(() =>
    withHeartbeat(
      () => ({ parts: joined }),
      async () => {
        const { cancellationSignal: signal } = Context.current();
        const { results } = await joining.assembleResults(storage, input, { onPart, signal });
        await endOwnership(storage, input.run, input.chain);
        if (input.inline !== true) return { results };
        const { lines, bytes } = await readSmallResults(storage, results, MAX_INLINE_BYTES);
        return lines === undefined ? { results, notInline: notInline(bytes) } : { results, lines };
      },
    ),
  );
}

/** Writes the results where and as their run wants them, whole or not at all. */
export function copyResults(
  { storage }: ActivityDependencies,
  { run, output, outputFormat: format, flatten }: CopyInput,
): Promise<void> {
  return translated(() =>
    withHeartbeat(
      () => ({ output }),
      () => {
        const { cancellationSignal: signal } = Context.current();
        return copying.copyResults(storage, run, { output, format: resultFormat(output, { format, flatten }), signal });
      },
    ),
  );
}
