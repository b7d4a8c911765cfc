import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { API_KEY, CliWorld, type Ended } from '../../support/cli.js';
import { type SentSpan, TestCollector } from '../collector.js';

/** Many packs of one chunk; spans of several chunks are what `test/workflows/traced.test.ts` is about. */
const ITEMS = 1_100;

let world: CliWorld;
let collector: TestCollector;
beforeAll(async () => {
  world = await CliWorld.open();
  collector = await TestCollector.open();
  await world.keepServer();
});
afterEach(async () => {
  collector.reset();
  await world.network.reset();
});
afterAll(async () => {
  await collector.close();
  await world.close();
});

/** Variables that send everything to the collector. */
function toCollector(more: Record<string, string> = {}) {
  return { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...more } };
}

function batch(name: string, items: number, ...flags: string[]): string[] {
  return ['batch', world.prompts(name, items), '-o', world.path(`${name}-results.jsonl`), ...flags];
}

function named(name: string | RegExp): SentSpan[] {
  return collector.spans.filter((span) => (typeof name === 'string' ? span.name === name : name.test(span.name)));
}

function ids(spans: readonly SentSpan[]): Set<string> {
  return new Set(spans.map(({ spanId }) => spanId));
}

describe('a run with failures', () => {
  let ended: Ended;
  let spans: SentSpan[];
  let bodies: Buffer;
  let sums: (name: string, attributes?: Record<string, string>) => number;

  beforeAll(async () => {
    await world.network.script(
      { match: { promptIncludes: 'zebra 1030' }, respond: { status: 422, message: 'about zebra 1030: no' } },
      { match: { promptIncludes: 'zebra 1040', times: 1 }, respond: { status: 500, message: 'about zebra 1040: no' } },
    );
    ended = await world.run(batch('zebra', ITEMS, '-c', '50', '--id', 'herd'), toCollector());
    spans = collector.spans;
    bodies = Buffer.concat(collector.requests.map(({ body }) => body));
    const points = collector.points();
    sums = (name, attributes = {}) =>
      points
        .filter((point) => point.name === name)
        .filter((point) => Object.entries(attributes).every(([key, value]) => point.attributes[key] === value))
        .reduce((sum, { value }) => sum + value, 0);
  });

  test('ends as it would without', () => {
    expect(ended.code, ended.stderr).toBe(3);
    expect(ended.stderr).not.toContain('OpenTelemetry');
  });

  test('is one tree: the run, its chunks, their packs, their requests', () => {
    const runs = spans.filter(({ name }) => name === 'run');
    const chunks = spans.filter(({ name }) => name === 'chunk');
    const packs = spans.filter(({ name }) => name === 'pack');
    const requests = spans.filter(({ name }) => name.startsWith('chat '));
    expect(runs).toHaveLength(1);
    expect(chunks).toHaveLength(1);
    expect(packs.length).toBeGreaterThan(5);
    expect(runs[0]?.parentId).toBe('');
    expect(runs[0]?.traceId).toBe(String(runs[0]?.attributes.run_id).replaceAll('-', ''));
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(ids(spans).size).toBe(spans.length);
    expect(chunks.every(({ parentId }) => ids(runs).has(parentId))).toBe(true);
    expect(packs.every(({ parentId }) => ids(chunks).has(parentId))).toBe(true);
    expect(requests.every(({ parentId }) => ids(packs).has(parentId))).toBe(true);
  });

  test('has a span of every request, and marks those that failed', async () => {
    const requests = spans.filter(({ name }) => name.startsWith('chat '));
    // One of the two failures was worth another try.
    expect(requests).toHaveLength(ITEMS + 1);
    expect(new Set(requests.map(({ attributes }) => attributes['dria.item.index']))).toEqual(
      new Set(Array.from({ length: ITEMS }, (_, item) => item)),
    );
    const failed = requests.filter(({ isError }) => isError);
    expect(
      failed
        .map(({ attributes }) => [attributes['dria.item.index'], attributes['error.type'], attributes['dria.attempt']])
        .sort(([a], [b]) => Number(a) - Number(b)),
    ).toEqual([
      [1029, 'InvalidRequest', 1],
      [1039, 'ServerError', 1],
    ]);
    const [again] = requests.filter(({ attributes }) => attributes['dria.attempt'] === 2);
    expect(again?.attributes).toMatchObject({ 'dria.item.index': 1039, 'dria.outcome': 'ok' });
    const good = requests.filter(({ isError }) => !isError);
    expect(good.every(({ attributes }) => Number(attributes['gen_ai.usage.output_tokens']) > 0)).toBe(true);
    expect(good.every(({ attributes }) => Number(attributes['dria.latency_ms']) >= 20)).toBe(true);
  });

  test('has its counts at the run and the chunks', () => {
    const [run] = spans.filter(({ name }) => name === 'run');
    const chunks = spans.filter(({ name }) => name === 'chunk');
    expect(run?.attributes).toMatchObject({ 'dria.run.id': 'herd', 'dria.ok': ITEMS - 1, 'dria.failed': 1 });
    expect(chunks.reduce((sum, { attributes }) => sum + Number(attributes['dria.ok']), 0)).toBe(ITEMS - 1);
    expect(chunks.map(({ attributes }) => attributes['dria.chunk.index'])).toEqual([0]);
  });

  test('sends its metrics to the last count', () => {
    expect(sums('dria_temporal_requests', { outcome: 'ok' })).toBe(ITEMS - 1);
    expect(sums('dria_temporal_requests', { outcome: 'InvalidRequest' })).toBe(1);
    expect(sums('dria_temporal_requests', { outcome: 'ServerError' })).toBe(1);
    expect(sums('dria_temporal_request_latency')).toBe(ITEMS - 1);
    expect(sums('dria_temporal_tokens')).toBeGreaterThan(ITEMS);
    expect(sums('temporal_workflow_completed', { workflow_type: 'batchWorkflow' })).toBe(1);
  });

  test('sends no prompt, no answer, no words of the endpoint and no key', () => {
    expect(bodies.includes('herd')).toBe(true);
    for (const secret of ['zebra', 'Simulated answer', 'about', API_KEY, API_KEY.slice(10)]) {
      expect(bodies.includes(secret), secret).toBe(false);
    }
  });
});

test('a run that is killed and gone on with is one trace, with one run and each chunk once', async () => {
  const slow = await CliWorld.open({ latency: { kind: 'fixed', ms: 150 } });
  onTestFinished(() => slow.close());
  const args = ['batch', slow.prompts('killed', 60), '-o', slow.path('results.jsonl'), '-c', '6', '--id', 'killed'];
  const first = slow.start(args, toCollector({ OTEL_BSP_SCHEDULE_DELAY: '200' }));
  await slow.network.answered(20);
  first.signal('SIGKILL');
  await first.ended;
  const asked = named(/^chat /).length;
  expect(asked).toBeGreaterThan(0);
  const { requests } = await slow.network.stats();
  const { code, stderr } = await slow.run(args, toCollector());
  expect(code, stderr).toBe(0);
  const { spans } = collector;
  expect(named('run')).toHaveLength(1);
  expect(named('chunk')).toHaveLength(1);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(ids(spans).size).toBe(spans.length);
  // What the killed command had not yet sent is lost with it; of what came after, each request has its span.
  expect(named(/^chat /).length - asked).toBe((await slow.network.stats()).requests - requests);
});

test('OTEL_SERVICE_NAME, resource attributes, headers, sampler and gzip are heard', async () => {
  const more = {
    OTEL_SERVICE_NAME: 'reviews',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-token=a%20b',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  };
  expect((await world.run(batch('named', 5), toCollector(more))).code).toBe(0);
  const wanted = { 'service.name': 'reviews', 'deployment.environment': 'test' };
  expect(named('run')[0]?.resource).toMatchObject(wanted);
  expect(collector.points('dria_temporal_requests')[0]?.resource).toMatchObject(wanted);
  expect(new Set(collector.requests.map(({ headers }) => headers['x-token']))).toEqual(new Set(['a b']));
  collector.reset();
  expect((await world.run(batch('unsampled', 5), toCollector({ OTEL_TRACES_SAMPLER: 'always_off' }))).code).toBe(0);
  expect(collector.spans).toEqual([]);
  expect(collector.points('dria_temporal_requests').length).toBeGreaterThan(0);
});

test('without a name the service is dria-temporal', async () => {
  expect((await world.run(batch('nameless', 2), toCollector())).code).toBe(0);
  for (const { resource } of [...named('run'), ...collector.points()]) {
    expect(resource['service.name']).toBe('dria-temporal');
  }
});
