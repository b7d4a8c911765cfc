import { setTimeout as delay } from 'node:timers/promises';
import type { InjectedSinks } from '@temporalio/worker';
import type { Tracing } from '../activities/tracing.js';
import type { TraceSinks } from '../batch/trace.js';
import { ActivitySpans } from './activity-spans.js';
import { Collector } from './collector.js';
import { CoreMetrics } from './core-metrics.js';
import { openProvider } from './provider.js';
import { packageVersion, SERVICE_NAME } from './service.js';
import type { MetricSettings, SignalSettings, TelemetryOptions, TelemetrySettings } from './settings.js';
import { decideBy, workflowSpans } from './workflow-spans.js';

/** Spans of a worker that runs this package's bundle: of its workflows, and of its activities. */
export interface WorkerTracing {
  readonly activities: Tracing;
  /** For the worker's options, with the bundle that has the interceptors. */
  readonly sinks: InjectedSinks<TraceSinks>;
}

/** What a process sends by OTLP. */
export interface Telemetry {
  readonly tracing?: WorkerTracing;
  readonly metrics?: CoreMetrics;
  /** Sends what is left, while the worker's connection is still there. Bounded; never throws. */
  close(): Promise<void>;
}

/** Time between two exports of metrics where nobody has said, ms: of a command, and of a worker that lasts. */
const INTERVAL_MS = { command: 1_000, lasting: 10_000 };

/** Longest wait at the end, ms. */
const CLOSE_MS = { command: 2_000, lasting: 12_000 };

/** A collector that has failed within this time, ms, is not waited for. */
const QUIET_MS = 15_000;

/** Opens what the settings ask for. Never throws over a collector, there or not. */
export async function openTelemetry(
  { traces, metrics }: Omit<TelemetrySettings, 'warnings'>,
  { warn, lasting }: TelemetryOptions,
): Promise<Telemetry> {
  const kind = lasting ? 'lasting' : 'command';
  const collector = new Collector(warn);
  const endpoints = [traces, metrics].flatMap((signal) => (signal === undefined ? [] : [signal.endpoint]));
  // One knock a place: two signals of one collector are no news twice.
  for (const endpoint of new Map(endpoints.map((url) => [url.origin, url])).values()) collector.knock(endpoint);
  const core = metrics === undefined ? undefined : coreMetrics(metrics, INTERVAL_MS[kind], collector);
  const spans = traces === undefined ? undefined : await openTraces(traces, collector, warn);
  return {
    ...(spans === undefined ? {} : { tracing: spans.tracing }),
    ...(core === undefined ? {} : { metrics: core }),
    close: async () => {
      if (!collector.isWorthWaiting(QUIET_MS)) return;
      const sent = Promise.allSettled([spans?.close(), core === undefined ? undefined : delay(core.lastTurnMs)]);
      await Promise.race([sent, delay(CLOSE_MS[kind], undefined, { ref: false })]);
    },
  };
}

function coreMetrics(settings: MetricSettings, intervalMs: number, collector: Collector): CoreMetrics {
  return new CoreMetrics(settings, settings.intervalMs ?? intervalMs, collector);
}

async function openTraces(
  settings: SignalSettings,
  collector: Collector,
  warn: (message: string) => void,
): Promise<{ readonly tracing: WorkerTracing; close(): Promise<void> }> {
  const { provider, ids } = await openProvider(settings, collector, warn);
  const tracer = provider.getTracer(SERVICE_NAME, packageVersion());
  const decide = decideBy(tracer, ids);
  const tracing = {
    activities: new ActivitySpans(tracer, decide),
    sinks: workflowSpans({ tracer, ids, decide }),
  };
  return { tracing, close: () => provider.shutdown() };
}
