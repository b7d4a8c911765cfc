import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import {
  ApplicationFailure,
  ApplicationFailureCategory,
  CancelledFailure,
  defaultPayloadConverter,
} from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { requestFailure } from '../../src/activities/tracing.js';
import { NO_COUNTS } from '../../src/batch/counts.js';
import { encodeItems } from '../../src/batch/item-ranges.js';
import { TRACE_HEADER } from '../../src/batch/trace.js';
import { DriaError } from '../../src/dria/errors.js';
import { ActivitySpans } from '../../src/telemetry/activity-spans.js';

const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const INPUT = {
  run: 'reviews',
  chunk: 2,
  target: 'qwen3.5:9b',
  modality: 'text' as const,
  items: encodeItems([7, 8, 9]),
  permits: 4,
  retrying: true,
  options: { maxTokens: 100, temperature: 0.5, timeoutSecs: 10, retries: 3, detail: false },
};

/** Runs an activity in its span, and gives the spans that came of it. */
async function spansOf(
  run: (spans: ActivitySpans, activity: MockActivityEnvironment['context']) => Promise<unknown>,
  { traceparent = TRACEPARENT, failure = undefined as unknown } = {},
) {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const spans = new ActivitySpans(provider.getTracer('test'), () => true);
  const { context } = new MockActivityEnvironment({ activityType: 'dria.infer', attempt: 2 });
  const headers = { [TRACE_HEADER]: defaultPayloadConverter.toPayload({ traceparent }) };
  const activity = spans.activity(context, headers, () => run(spans, context));
  if (failure === undefined) await activity;
  else await expect(activity).rejects.toBe(failure);
  return exporter.getFinishedSpans();
}

test('a request is below its pack, which is below the span of its header', async () => {
  const [request, pack] = await spansOf(async (spans, activity) => {
    const trace = spans.pack(activity, INPUT, 'https://inference.dria.co/v1').request({ item: 7, attempt: 3 });
    trace.answered({
      text: 'the answer',
      body: {},
      finishReason: 'stop',
      totalTokens: 30,
      promptTokens: 10,
      completionTokens: 20,
      latencyMs: 400,
    });
    trace.end();
  });
  expect(pack).toMatchObject({ name: 'pack', attributes: { 'dria.run.id': 'reviews', 'dria.activity.attempt': 2 } });
  expect(pack?.parentSpanContext).toMatchObject({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) });
  expect(request?.parentSpanContext?.spanId).toBe(pack?.spanContext().spanId);
  expect(request).toMatchObject({ name: 'chat qwen3.5:9b', status: { code: 0 } });
  expect(request?.attributes).toEqual({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'dria',
    'gen_ai.request.model': 'qwen3.5:9b',
    'gen_ai.request.max_tokens': 100,
    'gen_ai.request.temperature': 0.5,
    'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.usage.input_tokens': 10,
    'gen_ai.usage.output_tokens': 20,
    'server.address': 'inference.dria.co',
    'server.port': 443,
    'dria.run.id': 'reviews',
    'dria.chunk.index': 2,
    'dria.item.index': 7,
    'dria.attempt': 3,
    'dria.tokens': 30,
    'dria.latency_ms': 400,
    'dria.outcome': 'ok',
  });
});

test('a pack has what it was and what it has done', async () => {
  const [pack] = await spansOf(async (spans, activity) => {
    const counts = { ...NO_COUNTS, ok: 4, failed: 1, requests: 9, tokens: 70 };
    const items = { failed: '7-8', refused: '9', open: '11-13' };
    spans.pack(activity, INPUT, 'http://127.0.0.1:9/v1').did({ counts, ...items, lastFailures: [], notes: [] });
  });
  expect(pack?.attributes).toMatchObject({
    'dria.run.id': 'reviews',
    'dria.chunk.index': 2,
    'gen_ai.request.model': 'qwen3.5:9b',
    'dria.items': 3,
    'dria.pack.retrying': true,
    'dria.ok': 4,
    'dria.failed': 3,
    'dria.remaining': 4,
    'dria.requests': 9,
    'dria.tokens': 70,
  });
});

test('a request that failed has its type and status, and nothing of what was said', async () => {
  const [request] = await spansOf(async (spans, activity) => {
    const trace = spans.pack(activity, INPUT, 'http://127.0.0.1:9/v1').request({ item: 7, attempt: 1 });
    const error = new DriaError({ code: 'ServerError', status: 500, message: 'you asked: why is the sky blue?' });
    trace.end(requestFailure(error, false));
    // A second end changes nothing.
    trace.end();
  });
  expect(request).toMatchObject({ status: { code: 2 }, events: [] });
  expect(request?.attributes).toMatchObject({
    'error.type': 'ServerError',
    'http.response.status_code': 500,
    'dria.outcome': 'ServerError',
    'gen_ai.provider.name': 'openai',
  });
  expect(request?.status.message).toBeUndefined();
  expect(JSON.stringify(request?.attributes)).not.toContain('sky');
});

test.each([
  ['a failure', ApplicationFailure.create({ type: 'Unauthorized', message: 'secret words' }), 'Unauthorized', 2],
  [
    "a failure of a network's day",
    ApplicationFailure.create({ type: 'NoNodesAvailable', category: ApplicationFailureCategory.BENIGN }),
    'NoNodesAvailable',
    0,
  ],
  ['a cancellation', new CancelledFailure('taken back'), 'Cancelled', 0],
])('%s ends a pack with its type', async (_name, error, type, code) => {
  const [pack] = await spansOf(() => Promise.reject(error), { failure: error });
  expect(pack?.attributes).toMatchObject({ 'error.type': type, 'dria.outcome': type });
  expect(pack).toMatchObject({ status: { code }, events: [] });
  expect(pack?.status.message).toBeUndefined();
});

test('nothing is made of a trace that is not sampled', async () => {
  const spans = await spansOf(
    async (made, activity) => {
      made.pack(activity, INPUT, 'http://127.0.0.1:9/v1').request({ item: 7, attempt: 1 }).end();
    },
    { traceparent: TRACEPARENT.replace(/01$/, '00') },
  );
  expect(spans).toEqual([]);
});
