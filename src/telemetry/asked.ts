import type { Telemetry } from './open.js';
import { telemetrySettings } from './settings.js';

/** What a process says of itself when it opens its telemetry. */
export interface TelemetryOptions {
  /** Tells a person of a value that makes no sense and, once, of a collector that does not take anything. */
  readonly warn: (message: string) => void;
  /** A worker for hours, and not one for the time of a command: metrics go more seldom, and their last may take longer. */
  readonly lasting: boolean;
  /** Metrics go elsewhere, by this flag. */
  readonly metricsFlag?: string | undefined;
}

/** Telemetry as the OTEL_* variables ask for it. Undefined, with nothing loaded, when they ask for none. */
export async function telemetryAsked(
  env: NodeJS.ProcessEnv,
  options: TelemetryOptions,
): Promise<Telemetry | undefined> {
  const { warnings, traces, metrics } = telemetrySettings(env);
  for (const warning of warnings) options.warn(warning);
  const { metricsFlag } = options;
  if (metrics !== undefined && metricsFlag !== undefined) {
    options.warn(`metrics go to ${metricsFlag} alone, and not by OTLP: a worker has one place for them`);
  }
  const wanted = {
    ...(traces === undefined ? {} : { traces }),
    ...(metrics === undefined || metricsFlag !== undefined ? {} : { metrics }),
  };
  if (wanted.traces === undefined && wanted.metrics === undefined) return undefined;
  const { openTelemetry } = await import('./open.js');
  return await openTelemetry(wanted, options);
}

/** Loads what `telemetryAsked` will need, if anything, while there is something else to wait for. */
export async function loadTelemetry(env: NodeJS.ProcessEnv): Promise<void> {
  const { traces, metrics } = telemetrySettings(env);
  if (traces === undefined && metrics === undefined) return;
  await import('./open.js');
  const { loadExporter } = await import('./provider.js');
  if (traces !== undefined) await loadExporter(traces.protocol);
}
