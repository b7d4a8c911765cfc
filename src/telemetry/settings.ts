/** How spans are sent: the values of `OTEL_EXPORTER_OTLP_PROTOCOL`. */
export type OtlpProtocol = 'grpc' | 'http/protobuf' | 'http/json';

/** Where a signal goes. */
export interface SignalSettings {
  readonly protocol: OtlpProtocol;
  /** For HTTP with the signal's path. May hold a password: show its origin only. */
  readonly endpoint: URL;
}

/** What a process says of itself when it opens its telemetry. */
export interface TelemetryOptions {
  /** Tells a person of a value that makes no sense and, once, of a collector that does not take anything. */
  readonly warn: (message: string) => void;
  /** A worker for hours, and not one for the time of a command: metrics go more seldom, and their last may take longer. */
  readonly lasting: boolean;
  /** Metrics go elsewhere, by this flag. */
  readonly metricsFlag?: string | undefined;
}

/** How metrics are sent, beside where. */
export interface MetricSettings extends SignalSettings {
  readonly protocol: Exclude<OtlpProtocol, 'http/json'>;
  /** Time between two exports, ms; undefined where nobody has said. */
  readonly intervalMs?: number;
  readonly temporality: 'cumulative' | 'delta';
  /** The environment says what this service is called. */
  readonly named: boolean;
}

/** What the OTEL_* variables ask for. What is absent is not sent. */
export interface TelemetrySettings {
  readonly traces?: SignalSettings;
  readonly metrics?: MetricSettings;
  /** Values that make no sense, in words: nobody's run fails over them. */
  readonly warnings: readonly string[];
}

type Signal = 'TRACES' | 'METRICS';
type Warn = (message: string) => void;

const PROTOCOLS: readonly string[] = ['grpc', 'http/protobuf', 'http/json'] satisfies OtlpProtocol[];

/**
 * Reads what decides whether something is sent, and where. A signal is on when its exporter is `otlp`, or when an
 * endpoint is set and no exporter. All else (headers, sampler, batches, resource) the libraries read themselves.
 */
export function telemetrySettings(env: NodeJS.ProcessEnv): TelemetrySettings {
  const warnings: string[] = [];
  const warn: Warn = (message) => void warnings.push(message);
  if (isDisabled(env, warn)) return { warnings };
  const traces = signalSettings('TRACES', env, warn);
  const metrics = signalSettings('METRICS', env, warn);
  return {
    ...(traces === undefined ? {} : { traces }),
    ...(metrics === undefined ? {} : { metrics: metricSettings(metrics, env, warn) }),
    warnings,
  };
}

function read(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function isDisabled(env: NodeJS.ProcessEnv, warn: Warn): boolean {
  const value = read(env, 'OTEL_SDK_DISABLED')?.toLowerCase();
  if (value !== undefined && value !== 'true' && value !== 'false') {
    warn(`OTEL_SDK_DISABLED=${value}: neither true nor false; taken as false`);
  }
  return value === 'true';
}

function signalSettings(signal: Signal, env: NodeJS.ProcessEnv, warn: Warn): SignalSettings | undefined {
  if (!isWanted(signal, env, warn)) return undefined;
  const protocol = protocolOf(signal, env, warn);
  const own = read(env, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`);
  const name = own === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`;
  const text = own ?? commonEndpoint(signal, protocol, read(env, 'OTEL_EXPORTER_OTLP_ENDPOINT'));
  const endpoint = URL.canParse(text) ? new URL(text) : undefined;
  if (endpoint !== undefined && /^https?:$/.test(endpoint.protocol)) return { protocol, endpoint };
  warn(`${name} is not an http(s) URL; no ${signal.toLowerCase()} are sent`);
  return undefined;
}

function isWanted(signal: Signal, env: NodeJS.ProcessEnv, warn: Warn): boolean {
  const name = `OTEL_${signal}_EXPORTER`;
  const words = (read(env, name) ?? '').split(',').map((word) => word.trim());
  const exporters = words.filter((word) => word !== '');
  const other = exporters.filter((word) => word !== 'otlp' && word !== 'none');
  if (other.length > 0) warn(`${name}=${other.join(',')}: only otlp and none are known here${instead(signal, other)}`);
  if (exporters.length > 0) return exporters.includes('otlp');
  const endpoint = read(env, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`) ?? read(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
  return endpoint !== undefined;
}

function instead(signal: Signal, exporters: readonly string[]): string {
  return signal === 'METRICS' && exporters.includes('prometheus') ? '; for Prometheus: worker --metrics-address' : '';
}

function protocolOf(signal: Signal, env: NodeJS.ProcessEnv, warn: Warn): OtlpProtocol {
  const own = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`;
  const name = read(env, own) === undefined ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : own;
  const value = read(env, name) ?? 'http/protobuf';
  if (isProtocol(value)) return value;
  warn(`${name}=${value}: none of ${PROTOCOLS.join(', ')}; http/protobuf is used`);
  return 'http/protobuf';
}

function isProtocol(value: string): value is OtlpProtocol {
  return PROTOCOLS.includes(value);
}

/** The endpoint for all signals, which stands for one with this signal's path where HTTP is spoken. */
function commonEndpoint(signal: Signal, protocol: OtlpProtocol, base: string | undefined): string {
  if (protocol === 'grpc') return base ?? 'http://localhost:4317';
  return `${(base ?? 'http://localhost:4318').replace(/\/$/, '')}/v1/${signal.toLowerCase()}`;
}

function metricSettings({ protocol, endpoint }: SignalSettings, env: NodeJS.ProcessEnv, warn: Warn): MetricSettings {
  if (protocol === 'http/json') warn('metrics are not sent as http/json: http/protobuf is used for them');
  const intervalMs = intervalOf(env, warn);
  const temporality = read(env, 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE')?.toLowerCase();
  return {
    protocol: protocol === 'grpc' ? 'grpc' : 'http/protobuf',
    endpoint,
    temporality: temporality === 'delta' ? 'delta' : 'cumulative',
    named:
      read(env, 'OTEL_SERVICE_NAME') !== undefined ||
      /(^|,)\s*service\.name\s*=/.test(read(env, 'OTEL_RESOURCE_ATTRIBUTES') ?? ''),
    ...(intervalMs === undefined ? {} : { intervalMs }),
  };
}

function intervalOf(env: NodeJS.ProcessEnv, warn: Warn): number | undefined {
  const text = read(env, 'OTEL_METRIC_EXPORT_INTERVAL');
  if (text === undefined) return undefined;
  const ms = Number(text);
  if (Number.isInteger(ms) && ms >= 100 && ms <= 3_600_000) return ms;
  warn(`OTEL_METRIC_EXPORT_INTERVAL=${text}: not a whole number of ms from 100 to 3600000; the default is used`);
  return undefined;
}
