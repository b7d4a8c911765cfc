import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';

/** The ids of a span that are known before it begins. */
export interface KnownIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** Random ids, save for spans whose ids are known: those of runs and chunks. */
export class ExecutionIds implements IdGenerator {
  private readonly random = new RandomIdGenerator();
  private known: KnownIds | undefined;

  readonly generateTraceId = (): string => this.known?.traceId ?? this.random.generateTraceId();
  readonly generateSpanId = (): string => this.known?.spanId ?? this.random.generateSpanId();

  /** Begins a span, within `begin`, that gets these ids. */
  use<T>(known: KnownIds, begin: () => T): T {
    this.known = known;
    try {
      return begin();
    } finally {
      this.known = undefined;
    }
  }
}
