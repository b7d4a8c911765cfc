import { includesModality } from '../batch/modality.js';
import { promptTokens } from './answers.js';
import type { Asked } from './chat-request.js';
import type { Exchange } from './exchange.js';
import type { SimulatedModel } from './models.js';
import type { Network } from './network.js';
import type { StatusResponse } from './responses.js';
import { refusal } from './responses.js';

/** Lets a request in to a node of its model, or says why not, in the order in which Dria's router and nodes look. */
export function admit(network: Network, asked: Asked, exchange: Exchange): SimulatedModel | StatusResponse {
  const wait = network.rateLimiter?.take(asked.key ?? '') ?? 0;
  if (wait > 0) return refusal(429, undefined, wait);
  const model = network.models.get(asked.request.model);
  if (model === undefined || model.nodes === 0) return refusal(503);
  const objection = refuseByNode(network, model, asked);
  if (objection !== undefined) return refusal(400, `bad request: ${objection}`);
  if (!network.credits.reserve()) return refusal(402);
  exchange.onEnd((answered) => {
    if (!answered) network.credits.add(1);
  });
  if (!network.capacity.enter(model.id, model.nodes)) return refusal(503, 'no nodes available: all are at capacity', 1);
  exchange.onEnd(() => network.capacity.leave(model.id));
  return model;
}

const NEEDED = { image: 'vision', audio: 'audio', file: 'document' } as const;

/** What a node of Dria's network has against a request: its modality, or its length. */
function refuseByNode(network: Network, model: SimulatedModel, { request, question }: Asked): string | undefined {
  for (const { kind } of question.attachments) {
    if (!includesModality(model.modality, NEEDED[kind])) return `model ${model.id} does not support ${kind} input`;
  }
  const tokens = promptTokens(question);
  const context = model.context ?? network.options.context;
  if (tokens + request.max_tokens <= context) return undefined;
  return `prompt (${tokens} tokens) and max_tokens (${request.max_tokens}) exceed the context of ${context} tokens`;
}
