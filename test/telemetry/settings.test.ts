import { describe, expect, test } from 'vitest';
import { telemetrySettings } from '../../src/telemetry/settings.js';

/** Where each signal goes by these variables, shortly, and what was said. */
function read(env: NodeJS.ProcessEnv) {
  const { traces, metrics, warnings } = telemetrySettings(env);
  const short = (signal: typeof traces) =>
    signal === undefined ? 'off' : `${signal.protocol} ${signal.endpoint.href}`;
  return { traces: short(traces), metrics: short(metrics), warnings };
}

const OFF = { traces: 'off', metrics: 'off', warnings: [] };
const HTTP = {
  traces: 'http/protobuf http://otel:4318/v1/traces',
  metrics: 'http/protobuf http://otel:4318/v1/metrics',
  warnings: [],
};
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318' };

describe('a signal is on', () => {
  test.each<[string, NodeJS.ProcessEnv, ReturnType<typeof read>]>([
    ['never without a variable', {}, OFF],
    ['never for a variable that is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ', OTEL_TRACES_EXPORTER: '' }, OFF],
    ['not for a name alone', { OTEL_SERVICE_NAME: 'mine', OTEL_RESOURCE_ATTRIBUTES: 'a=b' }, OFF],
    ['for the common endpoint: both', ENDPOINT, HTTP],
    ['with one slash, whatever the endpoint ends with', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318/' }, HTTP],
    [
      'for its own endpoint, as it stands',
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://otel/x' },
      { ...OFF, traces: 'http/protobuf https://otel/x' },
    ],
    [
      'for its exporter, at the standard place',
      { OTEL_METRICS_EXPORTER: 'otlp' },
      { ...OFF, metrics: 'http/protobuf http://localhost:4318/v1/metrics' },
    ],
    ['not for the exporter none', { ...ENDPOINT, OTEL_METRICS_EXPORTER: 'none' }, { ...HTTP, metrics: 'off' }],
    ['not when all is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'True' }, OFF],
    [
      'by gRPC without a path, at the other standard port',
      { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      { ...OFF, traces: 'grpc http://localhost:4317/' },
    ],
    [
      'by its own protocol, before the common one',
      { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
      { traces: 'http/json http://otel:4318/v1/traces', metrics: 'grpc http://otel:4318/', warnings: [] },
    ],
  ])('%s', (_name, env, wanted) => {
    expect(read(env)).toEqual(wanted);
  });
});

describe('a value that makes no sense is told, by its variable, and does no harm', () => {
  test.each<[NodeJS.ProcessEnv, RegExp, Partial<ReturnType<typeof read>>]>([
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, /^OTEL_TRACES_EXPORTER=zipkin: only otlp and none/, { traces: 'off' }],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'console,otlp' }, /^OTEL_TRACES_EXPORTER=console: only/, HTTP],
    [{ OTEL_METRICS_EXPORTER: 'prometheus' }, /--metrics-address/, { metrics: 'off' }],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'smoke' }, /_TRACES_PROTOCOL=smoke: none of grpc/, HTTP],
    [{ ...ENDPOINT, OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json' }, /http\/protobuf is used/, HTTP],
    [
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'otel:4317' },
      /^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not/,
      { traces: 'off' },
    ],
    [{ ...ENDPOINT, OTEL_METRIC_EXPORT_INTERVAL: '5s' }, /^OTEL_METRIC_EXPORT_INTERVAL=5s: not a whole number/, HTTP],
    [{ ...ENDPOINT, OTEL_SDK_DISABLED: 'yes' }, /^OTEL_SDK_DISABLED=yes: neither true nor false/, HTTP],
  ])('%j', (env, words, wanted) => {
    const found = read(env);
    expect(found.warnings).toEqual([expect.stringMatching(words)]);
    expect(found).toMatchObject({ ...wanted, warnings: found.warnings });
  });

  test('an endpoint that cannot be used is not shown: it may hold a password', () => {
    const { warnings } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://somebody:secret@otel' });
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).not.toContain('secret');
  });
});

describe('metrics', () => {
  const metrics = (env: NodeJS.ProcessEnv) => telemetrySettings({ ...ENDPOINT, ...env }).metrics;

  test('take interval and temporality', () => {
    const env = { OTEL_METRIC_EXPORT_INTERVAL: '5000', OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'Delta' };
    expect(metrics(env)).toMatchObject({ intervalMs: 5000, temporality: 'delta' });
    expect(metrics({})).toMatchObject({ temporality: 'cumulative' });
  });

  test.each<[NodeJS.ProcessEnv, boolean]>([
    [{}, false],
    [{ OTEL_SERVICE_NAME: 'mine' }, true],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'a=b, service.name=mine' }, true],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'my.service.name=b' }, false],
  ])('know whether the service has a name: %j', (env, named) => {
    expect(metrics(env)?.named).toBe(named);
  });
});
