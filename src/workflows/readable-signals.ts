import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { log, type WorkflowInterceptors, workflowInfo } from '@temporalio/workflow';

/** The workflows whose handlers take a signal without arguments; others may share the bundle. */
const OWN_TYPES: ReadonlySet<string> = new Set(['batchWorkflow', 'chunkWorkflow']);

/**
 * Interceptors that take the arguments away from a signal which cannot be decoded. The SDK fails the workflow task for one,
 * again and again until the run is terminated; without arguments the handler refuses it like any message that does not fit.
 * Updates and queries need nothing: the SDK refuses those itself. For bundles without a payload converter of their own.
 */
export function interceptors(): WorkflowInterceptors {
  return {
    internals: [
      {
        activate: (input, next) => {
          if (OWN_TYPES.has(workflowInfo().workflowType)) {
            // In place: the SDK's jobs are of a class that a copy would not be.
            for (const { signalWorkflow } of input.activation.jobs ?? []) {
              if (signalWorkflow?.input?.every(isReadable) !== false) continue;
              signalWorkflow.input = [];
              log.warn(`the payload of the signal ${signalWorkflow.signalName} cannot be decoded: it is left out`);
            }
          }
          next(input);
        },
      },
    ],
  };
}

function isReadable(payload: Payload): boolean {
  try {
    defaultPayloadConverter.fromPayload(payload);
    return true;
  } catch {
    return false;
  }
}
