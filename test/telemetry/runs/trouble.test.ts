import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CliWorld } from '../../support/cli.js';
import { freePort } from '../../support/free-ports.js';
import { startWorker } from '../../support/worker-command.js';
import { TestCollector } from '../collector.js';

/** What the end of a command may take beyond what it takes anyway, ms: well under the time-outs of exporters. */
const NO_DELAY_MS = 1_500;

let world: CliWorld;
let collector: TestCollector;
let address: string;
beforeAll(async () => {
  world = await CliWorld.open();
  collector = await TestCollector.open();
  address = await world.keepServer();
});
afterEach(() => {
  collector.reset();
  collector.status = 200;
});
afterAll(async () => {
  await collector.close();
  await world.close();
});

function batch(name: string, items: number, ...flags: string[]): string[] {
  return ['batch', world.prompts(name, items), '-o', world.path(`${name}-results.jsonl`), ...flags];
}

/** What was said of telemetry. */
function said(stderr: string): string[] {
  return stderr.split('\n').filter((line) => /OTEL_|OpenTelemetry|OTLP|[Ee]xport|telemetry/.test(line));
}

describe('a collector that is no help', () => {
  test.each([
    ['http/protobuf', 'none'],
    ['grpc', 'otlp'],
  ])('and not there (%s) neither slows nor ends a run, and is told of once', async (protocol, metrics) => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_METRICS_EXPORTER: metrics,
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
    const command = world.start(batch(`dead-${metrics}`, 20), { env });
    await command.said(/^ {2}Results /m);
    const finished = performance.now();
    const { code, stderr } = await command.ended;
    expect(performance.now() - finished).toBeLessThan(NO_DELAY_MS);
    expect(code, stderr).toBe(0);
    expect(said(stderr)).toEqual([expect.stringContaining(`no collector answers at ${endpoint} (ECONNREFUSED)`)]);
  });

  test('and refuses all is told of once, by its status', async () => {
    collector.status = 401;
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20hidden-token',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
    };
    const { code, stderr } = await world.run(batch('refused', 30, '-c', '2'), { env });
    expect(code, stderr).toBe(0);
    expect(collector.requests.length).toBeGreaterThan(1);
    expect(said(stderr)).toEqual([expect.stringMatching(/(traces|metrics) cannot be sent to http:.*the run goes on/)]);
    expect(stderr).not.toContain('hidden-token');
  });
});

test('values that make no sense are told, and the run goes on', async () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'nowhere',
    OTEL_TRACES_EXPORTER: 'zipkin',
    OTEL_METRIC_EXPORT_INTERVAL: 'soon',
  };
  const { code, stderr } = await world.run(batch('senseless', 3), { env });
  expect(code, stderr).toBe(0);
  expect(said(stderr)).toEqual([
    expect.stringContaining('OTEL_TRACES_EXPORTER=zipkin'),
    expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT is not an http(s) URL; no metrics are sent'),
  ]);
});

test('a sampler that is none is told by the library, and the run goes on', async () => {
  const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`, OTEL_TRACES_SAMPLER: 'some' };
  const { code, stderr } = await world.run(batch('sampled', 3), { env });
  expect(code, stderr).toBe(0);
  expect(said(stderr)).toEqual([expect.stringContaining('OTEL_TRACES_SAMPLER')]);
  expect(collector.spans.filter(({ name }) => name === 'run')).toHaveLength(1);
});

describe('a worker', () => {
  test('that is asked to end sends what is left', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: '300' };
    const worker = await startWorker(world, ['--address', address, '-t', 'ends'], { env });
    const flags = ['--address', address, '-t', 'ends', '--id', 'ends'];
    expect((await world.run(batch('ends', 25, ...flags))).code).toBe(0);
    worker.signal('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    expect(collector.spans.filter(({ name }) => name === 'run')).toHaveLength(1);
    expect(collector.spans.filter(({ name }) => name.startsWith('chat '))).toHaveLength(25);
    const requests = collector.points('dria_temporal_requests').reduce((sum, { value }) => sum + value, 0);
    expect(requests).toBe(25);
  });

  test('with --metrics-address answers there, says so, and sends its traces all the same', async () => {
    const metrics = `127.0.0.1:${await freePort()}`;
    const args = ['--address', address, '-t', 'both', '--metrics-address', metrics];
    const worker = await startWorker(world, args, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    expect(said(worker.stderr)).toEqual([expect.stringContaining('metrics go to --metrics-address alone')]);
    expect((await world.run(batch('both', 4, '--address', address, '-t', 'both'))).code).toBe(0);
    expect(await (await fetch(`http://${metrics}/metrics`)).text()).toContain('dria_temporal_requests_total');
    worker.signal('SIGTERM');
    await worker.ended;
    expect(collector.requests.map(({ path }) => path)).not.toContain('/v1/metrics');
    expect(collector.spans.filter(({ name }) => name === 'run')).toHaveLength(1);
  });
});
