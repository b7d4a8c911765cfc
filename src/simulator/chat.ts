import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { admit } from './admission.js';
import type { CompletionBody } from './answers.js';
import { answerText, completionBody } from './answers.js';
import { UnreadableAttachment } from './attachments.js';
import { BadBody, checkBody, readJson } from './body.js';
import type { Asked } from './chat-request.js';
import { chatRequestSchema, readQuestion } from './chat-request.js';
import { embed, type Sent } from './embeddings.js';
import { Exchange } from './exchange.js';
import { chance, head, shortHash } from './hash.js';
import { latencyMs } from './latency.js';
import type { SimulatedModel } from './models.js';
import type { Network } from './network.js';
import { CHAT, type ChatPath, COMPLETIONS, RESPONSES } from './path.js';
import type { RequestRecord } from './record.js';
import { isScriptedAnswer, refusal } from './responses.js';
import { textOf } from './text-of.js';

const PROMPT_HEAD_CHARS = 80;

const sentSchema = z.record(z.string(), z.unknown());

/** The key of an `Authorization: Bearer` header, if there is one that is not empty. */
export function bearerKey(request: IncomingMessage): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** What answers a request, by its path. */
export const PATHS: ReadonlyMap<string, Answering> = new Map([
  ['/v1/chat/completions', chatBy(CHAT)],
  ['/v1/responses', chatBy(RESPONSES, '/v1/responses')],
  ['/v1/completions', chatBy(COMPLETIONS, '/v1/completions')],
  ['/v1/embeddings', embedded],
]);

/** Answers a request whose body has been read. Throws `BadBody`. */
type Answering = (network: Network, sent: Sent, exchange: Exchange) => Promise<void>;

/** Answers a `POST` to one of the paths. */
export async function answer(
  network: Network,
  request: IncomingMessage,
  response: ServerResponse,
  by: Answering,
): Promise<void> {
  const key = bearerKey(request);
  const exchange = new Exchange(
    response,
    network.recorder,
    network.quirks,
    key === undefined ? undefined : shortHash(key, 12),
  );
  try {
    if (!network.accepts(key)) return await exchange.fault(refusal(401), () => ({}));
    const sent = await readJson(request, sentSchema, network.options.maxBodyBytes);
    await by(network, { sent, headers: request.headers, key }, exchange);
  } catch (error) {
    if (error instanceof BadBody) return exchange.fault(error.response, () => ({}));
    if (error instanceof UnreadableAttachment) {
      return exchange.fault(refusal(400, `bad request: ${error.message}`), () => ({}));
    }
    if (request.destroyed && !request.complete) return exchange.settle('left');
    const message = error instanceof Error ? error.message : String(error);
    await exchange.fault(refusal(500, `the simulator itself failed: ${message}`), () => ({}));
  }
}

function chatBy(path: ChatPath, name?: string): Answering {
  return async (network, sent, exchange) => {
    const { record } = exchange;
    if (name !== undefined) record.path = name;
    const request = checkBody(path.toChat(sent.sent), chatRequestSchema);
    record.model = request.model;
    const asked = { ...sent, request, question: await readQuestion(request) };
    note(record, asked);
    if (!request.stream) return await respond(network, asked, exchange, path);
    await exchange.fault(refusal(400, 'bad request: the simulator does not stream'), () => ({}));
  };
}

async function embedded(network: Network, sent: Sent, exchange: Exchange): Promise<void> {
  exchange.record.path = '/v1/embeddings';
  await embed(network, sent, exchange);
}

function note(record: RequestRecord, { request, sent, question }: Asked): void {
  record.promptHash = question.promptHash;
  record.prompt = head(question.prompt, PROMPT_HEAD_CHARS);
  const system = request.messages.find(({ role }) => role === 'system');
  if (system !== undefined) record.system = head(textOf(system.content), PROMPT_HEAD_CHARS);
  record.attachment = question.attachments[0];
  if (question.attachments.length > 1) record.attachments = question.attachments;
  record.maxTokens = request.max_tokens;
  record.temperature = request.temperature;
  record.timeoutSecs = request.timeout_secs;
  record.messages = request.messages.length;
  record.fields = Object.keys(sent);
  record.format = request.response_format?.type;
  record.hasSchema = request.response_format?.type === 'json_schema';
}

async function respond(network: Network, asked: Asked, exchange: Exchange, path: ChatPath): Promise<void> {
  const { request, question } = asked;
  const body = (text: string): object => path.fromChat(completion(network, asked, exchange.record, text));
  const scripted = network.rules.respond(request.model, question.texts);
  if (scripted !== undefined && !isScriptedAnswer(scripted)) return exchange.fault(scripted, body);
  const refused = await network.quirks.refuse(asked, exchange.record, (listener) => exchange.onEnd(listener));
  if (refused !== undefined) return exchange.fault(refused, body);
  const model = admit(network, asked, exchange);
  if ('status' in model) return exchange.fault(model, body);
  const fault = scripted === undefined ? network.faults.roll(model.id, question.content) : undefined;
  if (fault !== undefined) return exchange.fault(fault, body);
  const wait = answerLatency(network, model, question) + (scripted?.delayMs ?? 0);
  const limit = request.timeout_secs * 1000;
  if (!(await exchange.wait(Math.min(wait, limit)))) return;
  if (wait > limit) return exchange.fault(refusal(504), body);
  const plain = completion(network, asked, exchange.record, scripted?.content ?? text(network, asked));
  exchange.answer(path.fromChat(network.quirks.answer(plain, asked, exchange.record)));
}

function answerLatency(network: Network, model: SimulatedModel, question: Asked['question']): number {
  const { seed, latency, slow } = network.options;
  return latencyMs(model.latency ?? latency, slow, { seed, model: model.id, content: question.content });
}

function text(network: Network, { request, question }: Asked): string {
  const broken = request.response_format?.type === 'json_schema' && network.nextBreaksSchema();
  return answerText(request, question, { answerTokens: network.options.answerTokens, broken });
}

function completion(
  network: Network,
  { request, question }: Asked,
  record: RequestRecord,
  answer: string,
): CompletionBody {
  const nodes = network.models.get(request.model)?.nodes ?? 1;
  const node = Math.floor(chance('node', question.content)[0] * Math.max(1, nodes));
  return completionBody(request, question, {
    id: `gen-sim-${record.n}`,
    nodeId: `sim-${request.model}-${node}`,
    text: answer,
  });
}
