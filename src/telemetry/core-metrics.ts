import type { MetricsExporterConfig, OtelCollectorExporter } from '@temporalio/worker';
import { LATENCY_BOUNDS, METRICS } from '../metric-names.js';
import type { Collector } from './collector.js';
import { SERVICE_NAME } from './service.js';
import type { MetricSettings } from './settings.js';

/** Room for an export to arrive, beside the time until it begins, ms. */
const ARRIVAL_MS = 200;

/** What the SDK's native side says, as a warning, of an export that failed. */
const FAILED_EXPORT = /^OTLP metric export failed/;

/** Variables that its HTTP client refuses to start with: it knows no compression. */
const COMPRESSION = ['OTEL_EXPORTER_OTLP_COMPRESSION', 'OTEL_EXPORTER_OTLP_METRICS_COMPRESSION'];

/** The metrics of the SDK and our own, which its native side sends; headers and resource it reads from the environment. */
export class CoreMetrics {
  /** For `telemetryOptions.metrics` of the SDK's runtime. */
  readonly exporter;
  readonly #origin: string;

  constructor(
    { endpoint, protocol, temporality, named }: MetricSettings,
    private readonly intervalMs: number,
    private readonly collector: Collector,
  ) {
    this.#origin = endpoint.origin;
    this.exporter = {
      attachServiceName: false,
      globalTags: named ? {} : { 'service.name': SERVICE_NAME },
      otel: {
        url: endpoint.href,
        http: protocol !== 'grpc',
        metricsExportInterval: intervalMs,
        useSecondsForDurations: true,
        temporality,
        histogramBucketOverrides: { [METRICS.latency]: LATENCY_BOUNDS },
      } satisfies OtelCollectorExporter['otel'],
    };
  }

  /** Starts the SDK's native side with this exporter; without it where that cannot be. */
  start(install: (metrics: MetricsExporterConfig | undefined) => void, warn: (message: string) => void): void {
    const kept = COMPRESSION.map((name) => [name, process.env[name]] as const);
    for (const [name] of kept) delete process.env[name];
    try {
      install(this.exporter);
    } catch (error) {
      warn(`no metrics are sent: ${error instanceof Error ? error.message : String(error)}`);
      install(undefined);
    } finally {
      for (const [name, value] of kept) if (value !== undefined) process.env[name] = value;
    }
  }

  /** True for a message of the native side about an export that failed, which is hereby noted. */
  heard(message: string, error: unknown): boolean {
    if (!FAILED_EXPORT.test(message)) return false;
    this.collector.trouble(`metrics cannot be sent to ${this.#origin} (${String(error).slice(0, 200)})`);
    return true;
  }

  /** How long to wait until the last counts have gone, ms: they go at the next turn only. */
  get lastTurnMs(): number {
    return this.intervalMs + ARRIVAL_MS;
  }
}
