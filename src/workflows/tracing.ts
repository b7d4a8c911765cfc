import { ApplicationFailure, defaultPayloadConverter, type Headers } from '@temporalio/common';
import {
  ContinueAsNew,
  isCancellation,
  proxySinks,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInterceptors,
  type WorkflowOutboundCallsInterceptor,
  workflowInfo,
} from '@temporalio/workflow';
import {
  carrierBelow,
  type EndedWorkflow,
  parseCarrier,
  TRACE_HEADER,
  TRACE_SINK,
  type TraceCarrier,
  type TraceSinks,
} from '../batch/trace.js';

/**
 * Interceptors of the bundle that traced workers run. They must not change what a workflow does, in which order: workers
 * that trace and workers that do not may share a run. So they await nothing, give on the very promises they get, and
 * touch headers only, which no replay looks at.
 */
export function interceptors(): WorkflowInterceptors {
  const trace = new WorkflowTrace();
  return { inbound: [trace.inbound], outbound: [trace.outbound] };
}

/** The trace of one workflow. */
class WorkflowTrace {
  private carrier: TraceCarrier | undefined;
  private below: Headers = {};
  private again: Headers = {};

  readonly inbound: WorkflowInboundCallsInterceptor = {
    execute: (input, next) => {
      this.begin(input.headers);
      const result = next(input);
      result.then(
        (value) => this.end({ result: value }),
        (error: unknown) => {
          if (!(error instanceof ContinueAsNew)) this.end({ failure: failureType(error) });
        },
      );
      return result;
    },
  };

  readonly outbound: WorkflowOutboundCallsInterceptor = {
    scheduleActivity: (input, next) => next({ ...input, headers: { ...input.headers, ...this.below } }),
    startChildWorkflowExecution: (input, next) => next({ ...input, headers: { ...input.headers, ...this.below } }),
    continueAsNew: (input, next) => next({ ...input, headers: { ...input.headers, ...this.again } }),
  };

  private begin(headers: Headers): void {
    const header = headers[TRACE_HEADER];
    this.carrier = header === undefined ? undefined : parseCarrier(defaultPayloadConverter.fromPayload(header));
    this.below = headersOf(carrierBelow(workflowInfo().firstExecutionRunId, this.carrier));
    this.again = this.carrier === undefined ? {} : headersOf(this.carrier);
  }

  private end(how: Pick<EndedWorkflow, 'result' | 'failure'>): void {
    const { [TRACE_SINK]: sink } = proxySinks<TraceSinks>();
    const carrier = this.carrier === undefined ? {} : { carrier: this.carrier };
    sink.ended({ ...carrier, endedAt: Date.now(), ...how });
  }
}

function headersOf(carrier: TraceCarrier): Headers {
  return { [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) };
}

/** The type of the innermost failure that has one. */
function failureType(error: unknown): string {
  if (isCancellation(error)) return 'Cancelled';
  let type: string | undefined;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    type = cause instanceof ApplicationFailure ? (cause.type ?? type) : (type ?? cause.name);
  }
  return type ?? 'Error';
}
