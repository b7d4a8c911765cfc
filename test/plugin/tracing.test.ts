import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Worker } from '@temporalio/worker';
import { afterAll, expect, it } from 'vitest';
import { DriaBatchPlugin } from '../../src/plugin.js';
import { globalTracing } from '../../src/telemetry/index.js';
import { prompts, World } from '../support/batch-world.js';
import { BUNDLE } from '../support/build.js';

afterAll(() => trace.disable());

it("makes spans of packs and requests with the tracer provider of somebody's own process", async () => {
  const world = await World.open({ noWorker: true });
  const { native: connection, taskQueue, root: storage, baseUrl } = world;
  const plugin = new DriaBatchPlugin({ storage, baseUrl, apiKey: 'test-key', tracing: globalTracing() });
  // Registered after the plugin was made: it is looked up when it is needed.
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  const workflowBundle = { codePath: BUNDLE };
  world.run(await Worker.create({ connection, taskQueue, workflowBundle, plugins: [plugin], shutdownGraceTime: 100 }));
  const run = await world.start(prompts(12), { options: { concurrency: 3 } });
  expect(await run.result()).toMatchObject({ ok: 12 });
  const spans = exporter.getFinishedSpans();
  const packs = new Map(
    spans.filter(({ name }) => name === 'pack').map((span) => [span.spanContext().spanId, span] as const),
  );
  const requests = spans.filter(({ name }) => name.startsWith('chat '));
  expect(requests.map(({ attributes }) => Number(attributes['dria.item.index'])).sort((a, b) => a - b)).toEqual([
    ...Array(12).keys(),
  ]);
  for (const { parentSpanContext, attributes } of requests) {
    const pack = packs.get(parentSpanContext?.spanId ?? '');
    expect(pack?.attributes['gen_ai.request.model']).toBe(attributes['gen_ai.request.model']);
    expect(attributes['dria.run.id']).toBe(run.id);
  }
});
