import { ApplicationFailure, defaultPayloadConverter, type Headers } from '@temporalio/common';
import {
  ContinueAsNew,
  inWorkflowContext,
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
  STARTED_HEADER,
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
  private startedAt = 0;
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
    const { firstExecutionRunId, startTime } = workflowInfo();
    this.carrier = parseCarrier(inHeader(headers[TRACE_HEADER]));
    const startedAt = inHeader(headers[STARTED_HEADER]);
    this.startedAt = typeof startedAt === 'number' ? startedAt : startTime.getTime();
    this.below = headerOf(TRACE_HEADER, carrierBelow(firstExecutionRunId, this.carrier));
    this.again = {
      ...headerOf(STARTED_HEADER, this.startedAt),
      ...(this.carrier === undefined ? {} : headerOf(TRACE_HEADER, this.carrier)),
    };
  }

  private end(how: Pick<EndedWorkflow, 'result' | 'failure'>): void {
    // After a workflow task that has failed: nobody awaits this, and an error in it would end the worker.
    if (!inWorkflowContext()) return;
    const { [TRACE_SINK]: sink } = proxySinks<TraceSinks>();
    const carrier = this.carrier === undefined ? {} : { carrier: this.carrier };
    sink.ended({ ...carrier, startedAt: this.startedAt, endedAt: Date.now(), ...how });
  }
}

function headerOf(name: string, value: unknown): Headers {
  return { [name]: defaultPayloadConverter.toPayload(value) };
}

function inHeader(header: Headers[string] | undefined): unknown {
  return header === undefined ? undefined : defaultPayloadConverter.fromPayload(header);
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
