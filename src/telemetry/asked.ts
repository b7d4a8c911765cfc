import type { Telemetry } from './open.js';
import { type TelemetryOptions, telemetrySettings } from './settings.js';

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
