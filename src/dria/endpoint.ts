import type { ApiName } from '../batch/api.js';
import type { ModelPrice } from '../batch/estimate.js';
import { joinModalities, type Modality } from '../batch/modality.js';
import type { Model } from '../batch/models.js';
import { apiOf } from './api.js';
import { bodyStream } from './attachment-stream.js';
import { isDrias } from './base-url.js';
import type { ChatBody } from './body-pieces.js';
import { ByteBudget, type Lease } from './byte-budget.js';
import { type ChatAnswer, cutOff, parseChatAnswer } from './chat-answer.js';
import type { AttachmentKind, ChatAttachment, ChatRequest } from './chat-request.js';
import type { HttpAnswer } from './classify.js';
import { systemClock } from './clock.js';
import { changedError, type DriaError, isDriaError } from './errors.js';
import { Gate, type Pass } from './gate.js';
import { type Admission, Health } from './health.js';
import { type EndpointOptions, HttpClient } from './http-client.js';
import type { JsonObject } from './json.js';
import { type ListFacts, listFacts } from './list-facts.js';
import { balanceOf, modelsBody } from './look-ups.js';
import { parseModels } from './models.js';
import { isTooManyFiles } from './network-error.js';
import { parsePrices } from './prices.js';
import { type Lesson, profileFor, type RequestProfile, RequestProfiles, sentFields } from './request-profile.js';
import { type AnswerContext, refusedFieldOf, responseError } from './response-error.js';

export type { EndpointOptions };

/** A models list, whole, with the models that can be asked by one way. */
export interface Catalogue {
  readonly models: Model[];
  readonly prices: Readonly<Record<string, ModelPrice>>;
  readonly facts: ListFacts;
  /** Returns the same list with the models that can be asked by another way. */
  of(api: ApiName): Catalogue;
}

/** How a request is made. */
export interface ChatOptions {
  readonly signal?: AbortSignal | undefined;
  /** Another target can take the item: then nothing waits here that could go there. */
  readonly hasOther?: boolean;
  /** Called when a request goes out: once for each form of it. */
  readonly onSent?: (() => void) | undefined;
  /** Of {@link Endpoint.answers}: what a long answer takes; released by the caller when it needs the answer no more. */
  readonly lease?: Lease;
  /** An answer that does not satisfy the schema is sent back to be repaired: no failure of the target yet. */
  readonly willRepair?: boolean;
}

/** Holds after a 429 that are waited for here (ms); a longer one is thrown, so that the item goes elsewhere or waits outside. */
const LONGEST_HOLD_MS = 60_000;
const LONGEST_HOLD_WITH_OTHER_MS = 5_000;

/** Bytes of long answers that are in memory at a time; each is there some times over while it is parsed and written. */
const ANSWERS_BYTES = 8 << 20;

/** Forms of one request that are tried at most: there are no more things to drop than this. */
const MOST_FORMS = 10;

/**
 * An OpenAI-compatible endpoint: one pool of connections, one gate and one record of health, shared by everything in the
 * process that uses it. Never sends the same request again. Every failure is a `DriaError`, except that an aborted
 * signal's reason, and an error of an attachment's source that may pass, are thrown as they are.
 */
export class Endpoint {
  /** What the long answers of all requests share. */
  readonly answers = new ByteBudget(ANSWERS_BYTES);
  readonly #http: HttpClient;
  readonly #gate: Gate;
  readonly #health: Health;
  readonly #profiles: RequestProfiles;

  private constructor(http: HttpClient, gate: Gate, profiles: RequestProfiles) {
    this.#http = http;
    this.#gate = gate;
    this.#health = new Health(systemClock);
    this.#profiles = profiles;
  }

  /**
   * Sends nothing yet. Throws `InvalidRequest` for a base URL that is none, and `Unauthorized` for a key that no header
   * can hold.
   */
  static open(options: EndpointOptions): Endpoint {
    const http = new HttpClient(options);
    const profiles = new RequestProfiles(options.sendsTimeout ?? isDrias(http.baseUrl));
    return new Endpoint(http, new Gate(systemClock, options.connections), profiles);
  }

  /** Without a slash at its end. */
  get baseUrl(): string {
    return this.#http.baseUrl;
  }

  /** What was learnt about the targets so far, one sentence each, in the order of learning. */
  lessons(): readonly Lesson[] {
    return this.#profiles.lessons;
  }

  /** Returns the most inputs that a target is known to take in a request for embeddings; undefined if nothing is known. */
  mostInputs(target: string): number | undefined {
    return this.#profiles.mostInputs(target);
  }

  /** Learns that a target has refused so many inputs together, and taken them in two halves. */
  learnInputs(target: string, refused: number): void {
    this.#profiles.learnInputs(target, refused);
  }

  /** Takes a new list of models: a target that was out and is newly listed may be asked again. */
  relist(ids: Iterable<string>): void {
    this.#health.relist(ids);
  }

  /**
   * Returns the models that have nodes and can be asked so, by `GET /models`, within 15 s. An accepted list shows a good key. An
   * `Unauthorized` concerns the list only: chats may work all the same.
   */
  async models(signal?: AbortSignal, api: ApiName = 'chat'): Promise<Model[]> {
    return (await this.catalogue(signal)).of(api).models;
  }

  /** Returns {@link models} for chats, with all else that the list has. */
  async catalogue(signal?: AbortSignal): Promise<Catalogue> {
    const body = await modelsBody(this.#http, signal);
    const catalogue = readCatalogue(body, 'chat');
    this.#accepted();
    return catalogue;
  }

  /**
   * Returns the credits left, by `GET /credits/balance`, within 15 s; undefined if the endpoint has no such thing. A number
   * shows a good key; an `Unauthorized` concerns the balance only.
   */
  async balance(signal?: AbortSignal): Promise<{ readonly balance: number } | undefined> {
    const balance = await balanceOf(this.#http, signal);
    if (balance === undefined) return undefined;
    this.#accepted();
    return { balance };
  }

  /**
   * Sends a request to a model. Waits in the gate first; `timeoutMs` counts from the sending. A request whose form the
   * target refuses is sent once more in a form without what was refused, and so on; the target's later requests have that
   * form at once.
   */
  async chat(request: ChatRequest, options: ChatOptions = {}): Promise<ChatAnswer> {
    let profile = this.#profiles.of(request.model, request.api);
    for (let form = 1; ; form++) {
      try {
        return await this.#send(request, profile, options);
      } catch (error) {
        const next = form < MOST_FORMS ? this.#nextForm(request, profile, error) : undefined;
        if (next === undefined) throw asItems(error);
        profile = next;
      }
    }
  }

  /** Drops the connections. What is in flight or waiting fails with a `NetworkError`. */
  async close(): Promise<void> {
    this.#gate.close();
    await this.#http.close();
  }

  /** The endpoint has answered a look-up as it should. */
  #accepted(): void {
    this.#health.answered();
    if (this.#http.hasCredentials) this.#gate.prove();
    else this.#gate.believe();
  }

  #nextForm({ model, api }: ChatRequest, sent: RequestProfile, error: unknown): RequestProfile | undefined {
    const field = refusedFieldOf(error);
    return field === undefined ? undefined : this.#profiles.learn(model, sent, field, api);
  }

  async #send(request: ChatRequest, known: RequestProfile, options: ChatOptions) {
    const { signal, hasOther = false, willRepair = false } = options;
    const profile = request.form === undefined ? known : profileFor(known, request.form);
    const body = apiOf(request).body(request, profile);
    const { model: target, prompt } = request;
    const inquiry = { target, modality: modalityOf(request), prompt, hasOther, willRepair };
    const longestHoldMs = hasOther ? LONGEST_HOLD_WITH_OTHER_MS : LONGEST_HOLD_MS;
    const entered = this.#gate.enter(request.model, { signal, longestHoldMs });
    const pass = entered instanceof Promise ? await entered : entered;
    let admission: Admission | undefined;
    let answer: ChatAnswer;
    try {
      const admitted = this.#health.admit(inquiry, signal);
      admission = admitted instanceof Promise ? await admitted : admitted;
      answer = await this.#ask(request, body, profile, admission, options);
    } catch (error) {
      throw this.#failed(error, pass, admission, longestHoldMs);
    }
    this.#gate.leave(pass);
    if (answer.usageMissing === true) this.#profiles.learnUncounted(request.model);
    return this.#checked(request, answer, admission);
  }

  /** Checks an answer against the request's schema, if it brings a check. */
  #checked(request: ChatRequest, answer: ChatAnswer, admission: Admission): ChatAnswer {
    try {
      const good = checkedAnswer(request, answer);
      this.#health.result(admission);
      return good;
    } catch (error) {
      throw this.#health.result(admission, error);
    }
  }

  /** Learns from a failure, and returns the error to throw. */
  #failed(error: unknown, pass: Pass, admission: Admission | undefined, longestHoldMs: number): unknown {
    // Those that are left in flight are as many as this process has files for.
    if (isDriaError(error) && isTooManyFiles(error)) this.#gate.lower(this.#gate.load.inFlight - 1);
    this.#gate.leave(pass, error);
    if (admission === undefined) return error;
    const seen =
      isDriaError(error) && error.code === 'RateLimited' ? this.#limited(error, admission, longestHoldMs) : error;
    return this.#health.result(admission, seen);
  }

  /** A short hold is waited for in the gate: then only this attempt has failed, and not the target. */
  #limited(error: DriaError, { target }: Admission, longestHoldMs: number): DriaError {
    const retryAfterMs = Math.ceil(Math.max(this.#gate.holdMs(target), error.retryAfterMs ?? 0));
    return changedError(error, { retryAfterMs, fault: retryAfterMs > longestHoldMs ? 'target' : 'attempt' });
  }

  async #ask(
    request: ChatRequest,
    body: ChatBody,
    profile: RequestProfile,
    admission: Admission,
    { signal, lease, onSent: onSentByCaller }: ChatOptions,
  ): Promise<ChatAnswer> {
    const start = performance.now();
    const api = apiOf(request);
    const { timeoutMs } = request;
    const onSent = () => {
      this.#health.sent(admission);
      onSentByCaller?.();
    };
    const timing = { timeoutMs: timeoutMs + graceMs(timeoutMs), statedMs: timeoutMs, signal, onSent, lease };
    const text = textOfBody(body);
    const answer =
      text !== undefined
        ? await this.#http.post(api.path, text, timing)
        : await this.#http.postStream(api.path, bodyStream(body), timing);
    const context = () => this.#context(request, profile, admission);
    if (!isGood(answer)) throw responseError(answer, context());
    const { system = '', maxTokens, acceptEmpty = false } = request;
    const prompt = system + request.prompt;
    const read = (content: JsonObject) => api.read(content, request);
    const asked = { read, wanted: api.wanted, prompt, maxTokens, acceptEmpty, context };
    return parseChatAnswer(answer, Math.round(performance.now() - start), asked);
  }

  #context(request: ChatRequest, profile: RequestProfile, { target, modality }: Admission): AnswerContext {
    return {
      secrets: this.#http.secrets,
      baseUrl: this.#http.baseUrl,
      attached: tellsModality(request) ? modality : undefined,
      keyProven: this.#gate.keyProven,
      targetProven: this.#health.hasAnswered(target, modality),
      sentFields: sentFields(profile, request),
      prompt: request.prompt,
      texts: request.texts,
      path: apiOf(request).path,
      ...(request.system === undefined ? {} : { system: request.system }),
    };
  }
}

function readCatalogue(body: unknown, api: ApiName): Catalogue {
  const of = (other: ApiName): Catalogue => readCatalogue(body, other);
  return { models: parseModels(body, api), prices: parsePrices(body), facts: listFacts(body, api), of };
}

function isGood({ status }: HttpAnswer): boolean {
  return status >= 200 && status <= 299;
}

/** Returns the answer with its checked value. The error for one that satisfies no schema names what it has cost. */
function checkedAnswer({ schema, maxTokens }: ChatRequest, answer: ChatAnswer): ChatAnswer {
  if (schema?.check === undefined) return answer;
  try {
    return { ...answer, checked: schema.check(answer.text) };
  } catch (error) {
    const { totalTokens: tokens, finishReason, text, isFiltered } = answer;
    if (!isDriaError(error)) throw error;
    if (finishReason === 'length') throw cutOff('in the middle of its JSON', tokens, maxTokens);
    const isWhole = isFiltered !== true && text.trim() !== '';
    throw changedError(error, { tokens, ...(isWhole ? { answer: text } : {}) });
  }
}

/** A refused field that cannot be dropped is a request that the target does not take: the item's. */
function asItems(error: unknown): unknown {
  if (!isDriaError(error) || error.code !== 'RequestRefused') return error;
  return changedError(error, { code: 'InvalidRequest', fault: 'item' });
}

/** What our time-out adds to the one the endpoint is told, so that its own 504 can arrive: 5 %, 0.25 to 5 s. */
function graceMs(timeoutMs: number): number {
  return Math.min(Math.max(timeoutMs * 0.05, 250), 5000);
}

/** Returns a body that has nothing to be streamed. */
function textOfBody([text, ...others]: ChatBody): string | undefined {
  return typeof text === 'string' && others.length === 0 ? text : undefined;
}

const MODALITY_OF: Readonly<Record<AttachmentKind, Modality>> = { image: 'vision', audio: 'audio', file: 'document' };

function modalityOf({ attachments = [], modality }: ChatRequest): Modality {
  return modality ?? joinModalities(attachments.map(({ kind }) => MODALITY_OF[kind]));
}

/** A link to a sound or a PDF goes in a form that not every endpoint knows: its refusal says nothing of the model. */
function tellsModality(request: ChatRequest): boolean {
  const { attachments = [] } = request;
  const isKnownForm = (one: ChatAttachment): boolean =>
    one.kind === 'image' || !('url' in one) || /^data:/i.test(one.url);
  return modalityOf(request) !== 'text' && attachments.every(isKnownForm);
}
