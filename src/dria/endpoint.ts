import type { ModelPrice } from '../batch/estimate.js';
import type { Model } from '../batch/models.js';
import { bodyStream } from './attachment-stream.js';
import { type ChatAnswer, parseChatAnswer } from './chat-answer.js';
import { type ChatBody, chatBody } from './chat-body.js';
import type { ChatAttachment, ChatRequest } from './chat-request.js';
import type { DriaError } from './errors.js';
import { Gate } from './gate.js';
import { type EndpointOptions, HttpClient } from './http-client.js';
import { isObject, parseJson } from './json.js';
import { parseModels } from './models.js';
import { parsePrices } from './prices.js';
import { errorInBody, type HttpAnswer, responseError } from './response-error.js';

export type { EndpointOptions };

/** Time for the models list and for the balance, ms. */
const LOOKUP_MS = 30_000;

/**
 * An OpenAI-compatible endpoint: one pool of connections and one gate, shared by everything in the process that asks it.
 * Never retries. Every failure is a `DriaError`, except that an aborted signal's reason, and an error of an attachment's
 * source that may pass, are thrown as they are.
 */
export class Endpoint {
  readonly #http: HttpClient;
  readonly #gate: Gate;

  private constructor(http: HttpClient, gate: Gate) {
    this.#http = http;
    this.#gate = gate;
  }

  /**
   * Sends nothing yet. Throws `InvalidRequest` for a base URL that is none, and `Unauthorized` for a key that no header
   * can hold.
   */
  static open(options: EndpointOptions): Endpoint {
    return new Endpoint(new HttpClient(options), new Gate(undefined, options.connections));
  }

  /** Without a slash at its end. */
  get baseUrl(): string {
    return this.#http.baseUrl;
  }

  /** The models that have nodes, by `GET /models`, within 30 s. */
  async models(signal?: AbortSignal): Promise<Model[]> {
    return parseModels(await this.#modelsBody(signal));
  }

  /** {@link models} with the prices of those that tell one. */
  async catalogue(
    signal?: AbortSignal,
  ): Promise<{ readonly models: Model[]; readonly prices: Readonly<Record<string, ModelPrice>> }> {
    const body = await this.#modelsBody(signal);
    return { models: parseModels(body), prices: parsePrices(body) };
  }

  async #modelsBody(signal: AbortSignal | undefined): Promise<unknown> {
    const answer = await this.#http.get('/models', { timeoutMs: LOOKUP_MS, signal });
    if (answer.status !== 200) throw this.#error(answer);
    const body = parseJson(answer.text);
    const inside = errorInBody(body, answer.headers, { secret: this.#http.secret });
    if (inside !== undefined) throw inside;
    return body;
  }

  /**
   * Credits left, by `GET /credits/balance`, within 30 s. Undefined where the endpoint does not tell. A number proves the
   * key: until it is proven, by this or by an answer, only a few requests are sent at once. So call it when a worker starts.
   */
  async balance(signal?: AbortSignal): Promise<{ readonly balance: number } | undefined> {
    const answer = await this.#http.get('/credits/balance', { timeoutMs: LOOKUP_MS, signal });
    if ([401, 403, 429].includes(answer.status) || answer.status >= 500) throw this.#error(answer);
    const body = answer.status === 200 ? parseJson(answer.text) : undefined;
    const balance = isObject(body) ? numberIn(body.balance) : undefined;
    if (balance === undefined) return undefined;
    this.#gate.prove();
    return { balance };
  }

  /** Asks a model. Waits in the gate first; `timeoutMs` counts from the sending. */
  async chat(request: ChatRequest, signal?: AbortSignal): Promise<ChatAnswer> {
    const body = chatBody(request);
    const entered = this.#gate.enter(signal);
    const pass = entered instanceof Promise ? await entered : entered;
    try {
      const answer = await this.#ask(request, body, signal);
      this.#gate.leave(pass);
      return answer;
    } catch (error) {
      this.#gate.leave(pass, error);
      throw error;
    }
  }

  /** Drops the connections. What is in flight or waiting fails with a `NetworkError`. */
  async close(): Promise<void> {
    this.#gate.close();
    await this.#http.close();
  }

  async #ask(request: ChatRequest, body: ChatBody, signal: AbortSignal | undefined): Promise<ChatAnswer> {
    const start = performance.now();
    const { timeoutMs } = request;
    const timing = { timeoutMs: timeoutMs + graceMs(timeoutMs), statedMs: timeoutMs, signal };
    const answer =
      'text' in body
        ? await this.#http.post('/chat/completions', body.text, timing)
        : await this.#http.postStream('/chat/completions', bodyStream(body), timing);
    const context = { secret: this.#http.secret, attached: tellsModality(request.attachment) };
    if (answer.status < 200 || answer.status > 299) throw responseError(answer, context);
    return parseChatAnswer(answer, Math.round(performance.now() - start), context);
  }

  /** The error for a look-up that failed. A refused key is refused for what waits in the gate, too. */
  #error(answer: HttpAnswer): DriaError {
    const error = responseError(answer, { secret: this.#http.secret });
    if (error.code === 'Unauthorized') this.#gate.refuse(error);
    return error;
  }
}

/** What our time-out adds to the one the endpoint is told, so that its own 504 can arrive: 5 %, 0.25 to 5 s. */
function graceMs(timeoutMs: number): number {
  return Math.min(Math.max(timeoutMs * 0.05, 250), 5000);
}

/** A link to a sound goes in a form that not every endpoint knows: its refusal says nothing of the model. */
function tellsModality(attachment: ChatAttachment | undefined): boolean {
  if (attachment === undefined) return false;
  return attachment.kind === 'image' || !('url' in attachment) || /^data:/i.test(attachment.url);
}

function numberIn(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
