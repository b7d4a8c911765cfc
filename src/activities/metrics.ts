import { Context } from '@temporalio/activity';
import type { MetricMeter } from '@temporalio/common';
import { METRICS } from '../metric-names.js';
import type { AnswerRecord } from '../store/outcomes.js';

/** Metrics of one pack. */
export class PackMetrics {
  private readonly requests;
  private readonly latency;
  private readonly tokens;
  private readonly cachedTokens;
  private readonly permitsUsed;

  private constructor(
    meter: MetricMeter,
    private readonly permits: number,
  ) {
    this.requests = meter.createCounter(METRICS.requests, undefined, 'Requests by model and outcome');
    this.latency = meter.createHistogram(METRICS.latency, 'float', 'seconds', 'Time of good answers');
    this.tokens = meter.createCounter(METRICS.tokens, undefined, 'Tokens of good answers, prompts included');
    this.cachedTokens = meter.createCounter(
      METRICS.cachedTokens,
      undefined,
      "Tokens of prompts from endpoints' caches",
    );
    // Counted by the SDK for each of the meter's tags: packs of several task queues may be in one process.
    this.permitsUsed = meter.createUpDownCounter?.(METRICS.permits, undefined, 'Permits that packs hold');
  }

  /** Metrics of the pack whose activity this is, which holds so many permits until `end`. */
  static begin(permits: number): PackMetrics {
    const pack = new PackMetrics(Context.current().metricMeter, permits);
    pack.permitsUsed?.add(permits);
    return pack;
  }

  /** The pack has ended. Call it once. */
  end(): void {
    this.permitsUsed?.add(-this.permits);
  }

  /** An item was answered well, after so many ms; one that was asked with another has no request of its own. */
  answered({ result: { model, tokens }, cached = 0, joined = false }: AnswerRecord, latencyMs: number): void {
    if (!joined) {
      this.requests.add(1, { model, outcome: 'ok' });
      this.latency.record(latencyMs / 1000, { model });
    }
    if (tokens > 0) this.tokens.add(tokens, { model });
    if (cached > 0) this.cachedTokens.add(cached, { model });
  }

  /** A request came to nothing; `outcome` is the failure's type. */
  failed(model: string, outcome: string): void {
    this.requests.add(1, { model, outcome });
  }
}
