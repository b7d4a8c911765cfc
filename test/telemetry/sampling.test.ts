import { randomUUID } from 'node:crypto';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { spanIdOf, traceIdOf } from '../../src/batch/trace.js';
import { ExecutionIds } from '../../src/telemetry/execution-ids.js';
import { decideBy } from '../../src/telemetry/workflow-spans.js';

afterEach(() => vi.unstubAllEnvs());

/** A provider as the environment has it. */
function open() {
  const ids = new ExecutionIds();
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ idGenerator: ids, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer('test');
  return { ids, exporter, tracer, decide: decideBy(tracer, ids) };
}

describe('a trace that begins with a run', () => {
  test('is sampled for packs as for the run itself, by its id, on every worker alike', () => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'parentbased_traceidratio');
    vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', '0.5');
    const [one, other] = [open(), open()];
    const runs = Array.from({ length: 200 }, () => randomUUID());
    const sampled = runs.filter((run) => one.decide(traceIdOf(run)));
    expect(sampled.length).toBeGreaterThan(50);
    expect(sampled.length).toBeLessThan(150);
    expect(runs.filter((run) => other.decide(traceIdOf(run)))).toEqual(sampled);
    for (const run of runs) {
      const known = { traceId: traceIdOf(run), spanId: spanIdOf(run) };
      one.ids.use(known, () => one.tracer.startSpan('run', { root: true })).end();
    }
    const spans = one.exporter.getFinishedSpans().map((span) => span.spanContext());
    expect(spans.map(({ traceId }) => traceId)).toEqual(sampled.map(traceIdOf));
    expect(spans.map(({ spanId }) => spanId)).toEqual(sampled.map(spanIdOf));
  });

  test.each([
    ['always_on', true],
    ['always_off', false],
    ['parentbased_always_off', false],
    [undefined, true],
  ])('is decided by OTEL_TRACES_SAMPLER=%s', (sampler, wanted) => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', sampler);
    const { decide, exporter } = open();
    expect(decide(traceIdOf(randomUUID()))).toBe(wanted);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

test('ids that nobody knows are random', () => {
  const { tracer } = open();
  const ids = Array.from({ length: 10 }, () => tracer.startSpan('x').spanContext());
  expect(new Set(ids.map(({ traceId }) => traceId)).size).toBe(10);
  expect(new Set(ids.map(({ spanId }) => spanId)).size).toBe(10);
});
