import { Context } from '@temporalio/activity';
import type { MetricMeter } from '@temporalio/common';
import type { SegmentRecord } from './segments.js';

/** Metrics of what a worker asks, beside the SDK's own. Names as Prometheus has them get `_total` and `_seconds`. */
export const METRICS = {
  requests: 'dria_temporal_requests',
  latency: 'dria_temporal_request_latency',
  tokens: 'dria_temporal_tokens',
  lanes: 'dria_temporal_lanes_used',
} as const;

/** Seconds between the bounds of an answer's time in metrics: a small model's to a patient's time-out. */
export const LATENCY_BOUNDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320];

/** Metrics of one pack. */
export class PackMetrics {
  private readonly requests;
  private readonly latency;
  private readonly tokens;
  private readonly lanesUsed;

  private constructor(
    meter: MetricMeter,
    private readonly lanes: number,
  ) {
    this.requests = meter.createCounter(METRICS.requests, undefined, 'Requests by model and outcome');
    this.latency = meter.createHistogram(METRICS.latency, 'float', 'seconds', 'Time of good answers');
    this.tokens = meter.createCounter(METRICS.tokens, undefined, 'Tokens of good answers, prompts included');
    // Counted by the SDK for each of the meter's tags: packs of several task queues may be under way in one process.
    this.lanesUsed = meter.createUpDownCounter?.(METRICS.lanes, undefined, 'Lanes that packs under way hold');
  }

  /** Metrics of the pack whose activity this is, which holds so many lanes until `end`. */
  static begin(lanes: number): PackMetrics {
    const pack = new PackMetrics(Context.current().metricMeter, lanes);
    pack.lanesUsed?.add(lanes);
    return pack;
  }

  /** The pack has ended. Call it once. */
  end(): void {
    this.lanesUsed?.add(-this.lanes);
  }

  /** A request was answered well, after so many ms. */
  answered({ result: { model, tokens } }: SegmentRecord, latencyMs: number): void {
    this.requests.add(1, { model, outcome: 'ok' });
    this.latency.record(latencyMs / 1000, { model });
    if (tokens > 0) this.tokens.add(tokens, { model });
  }

  /** A request came to nothing; `outcome` is the failure's type. */
  failed(model: string, outcome: string): void {
    this.requests.add(1, { model, outcome });
  }
}
