import { type Attributes, type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { RequestFacts, RequestFailure, RequestTrace } from '../activities/tracing.js';
import type { InferInput } from '../batch/activity-contract.js';
import type { ApiName } from '../batch/api.js';
import type { ChatAnswer } from '../dria/chat-answer.js';
import { DEFAULT_BASE_URL } from '../dria/default-base-url.js';

/** Longest text of an endpoint's own that a span takes, characters: identifiers, no prose. */
const LONGEST_TEXT = 64;

/** What the conventions call each way of asking. */
const OPERATIONS = {
  chat: 'chat',
  responses: 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
} as const satisfies Readonly<Record<ApiName, string>>;

/** Spans of the requests of one pack, by the semantic conventions for generative AI where they have a name. */
export class RequestSpans {
  private readonly name: string;
  private readonly attributes: Attributes;

  constructor(
    private readonly tracer: Tracer,
    private readonly pack: Context,
    input: InferInput,
    baseUrl: string,
  ) {
    const { api = 'chat' } = input.options;
    const operation = OPERATIONS[api];
    this.name = `${operation} ${input.target}`;
    this.attributes = {
      'gen_ai.operation.name': operation,
      'gen_ai.request.model': input.target,
      'gen_ai.request.max_tokens': input.options.maxTokens,
      'gen_ai.request.temperature': input.options.temperature,
      ...serverAttributes(baseUrl),
      'dria.run.id': input.run,
      'dria.chunk.index': input.chunk,
    };
  }

  /** Begins a request; the time that it waits for its turn counts as the span's, not as its latency. */
  begin({ item, attempt }: RequestFacts): RequestTrace {
    const attributes = { ...this.attributes, 'dria.item.index': item, 'dria.attempt': attempt };
    const span = this.tracer.startSpan(this.name, { kind: SpanKind.CLIENT, attributes }, this.pack);
    return {
      answered: (answer) => void span.setAttributes(answerAttributes(answer)),
      end: (failure) => end(span, failure),
    };
  }
}

function serverAttributes(baseUrl: string): Attributes {
  const { hostname, port, protocol } = new URL(baseUrl);
  const standard = protocol === 'https:' ? 443 : 80;
  return {
    // An endpoint that we do not know by name speaks OpenAI's language, which is what the conventions ask to say then.
    'gen_ai.provider.name': hostname === new URL(DEFAULT_BASE_URL).hostname ? 'dria' : 'openai',
    'server.address': hostname,
    'server.port': port === '' ? standard : Number(port),
  };
}

function answerAttributes(answer: ChatAnswer): Attributes {
  const { promptTokens, completionTokens, cachedTokens, totalTokens, latencyMs, finishReason, nodeId } = answer;
  return {
    'gen_ai.usage.input_tokens': promptTokens,
    'gen_ai.usage.output_tokens': completionTokens,
    ...(cachedTokens === undefined ? {} : { 'gen_ai.usage.cache_read.input_tokens': cachedTokens }),
    'dria.tokens': totalTokens,
    'dria.latency_ms': latencyMs,
    ...(finishReason === undefined ? {} : { 'gen_ai.response.finish_reasons': [finishReason.slice(0, LONGEST_TEXT)] }),
    ...(nodeId === undefined ? {} : { 'dria.node.id': nodeId.slice(0, LONGEST_TEXT) }),
  };
}

function end(span: Span, failure: RequestFailure | undefined): void {
  if (!span.isRecording()) return;
  span.setAttribute('dria.outcome', failure?.type ?? 'ok');
  if (failure !== undefined) {
    span.setAttribute('error.type', failure.type);
    if (failure.tokens !== undefined) span.setAttribute('dria.tokens', failure.tokens);
    if (failure.status !== undefined) span.setAttribute('http.response.status_code', failure.status);
    if (failure.type !== 'Cancelled') span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
