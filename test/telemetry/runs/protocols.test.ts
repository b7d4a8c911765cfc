import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { CliWorld } from '../../support/cli.js';
import { pointsIn, spansIn, TestCollector } from '../collector.js';
import { GrpcCollector } from '../grpc-collector.js';

const jsonSchema = z.object({
  resourceSpans: z.array(
    z.object({ scopeSpans: z.array(z.object({ spans: z.array(z.object({ name: z.string() })) })) }),
  ),
});

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open();
  await world.keepServer();
});
afterAll(() => world.close());

/** Runs a batch of five prompts that sends what it has to tell. */
async function run(name: string, env: Record<string, string>): Promise<string> {
  const args = ['batch', world.prompts(name, 5), '-o', world.path(`${name}-results.jsonl`)];
  const { code, stderr } = await world.run(args, { env });
  expect(code, stderr).toBe(0);
  return stderr;
}

function requestsAmong(names: readonly string[]): number {
  return names.filter((name) => name.startsWith('chat ')).length;
}

test('gRPC takes traces and metrics', async () => {
  const collector = await GrpcCollector.open();
  onTestFinished(() => collector.close());
  const said = await run('by-call', {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  });
  expect(said).not.toContain('OpenTelemetry');
  const names = collector
    .messages('TraceService')
    .flatMap(spansIn)
    .map(({ name }) => name);
  expect(names.filter((name) => name === 'run')).toHaveLength(1);
  expect(requestsAmong(names)).toBe(5);
  const last = collector.messages('MetricsService').at(-1) ?? Buffer.alloc(0);
  const requests = pointsIn(last).filter(({ name }) => name === 'dria_temporal_requests');
  expect(requests.reduce((sum, { value }) => sum + value, 0)).toBe(5);
});

test('http/json takes traces', async () => {
  const collector = await TestCollector.open();
  onTestFinished(() => collector.close());
  await run('as-json', {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/somewhere`,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
  });
  expect(new Set(collector.requests.map(({ path }) => path))).toEqual(new Set(['/somewhere']));
  const names = collector.requests
    .map(({ body }) => jsonSchema.parse(JSON.parse(body.toString('utf8'))))
    .flatMap(({ resourceSpans }) => resourceSpans.flatMap(({ scopeSpans }) => scopeSpans))
    .flatMap(({ spans }) => spans.map(({ name }) => name));
  expect(names.filter((name) => name === 'run')).toHaveLength(1);
  expect(requestsAmong(names)).toBe(5);
});
