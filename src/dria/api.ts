import { API_PATHS, type ApiName } from '../batch/api.js';
import type { ChatBody } from './body-pieces.js';
import { readChat } from './chat-answer.js';
import { chatBody } from './chat-body.js';
import type { ChatRequest } from './chat-request.js';
import { completionBody, readCompletion } from './completions.js';
import { embeddingsBody, readEmbeddings } from './embeddings.js';
import type { JsonObject } from './json.js';
import type { Reading } from './reading.js';
import type { RequestProfile } from './request-profile.js';
import { readResponse, responsesBody } from './responses.js';

/** A way of asking an endpoint: how a request becomes a body, and what an answer's body says. */
export interface Api {
  /** Below the endpoint's base URL. */
  readonly path: string;
  /** What an answer must have, for messages. */
  readonly wanted: string;
  /** Builds the body in the form that the target takes. Throws `InvalidAttachment` for what cannot be sent. */
  body(request: ChatRequest, profile: RequestProfile): ChatBody;
  /** Reads the body of a 200; undefined if there is no answer in it. Throws `BadResponse` if it answers something else. */
  read(body: JsonObject, request: ChatRequest): Reading | undefined;
}

const APIS: Readonly<Record<ApiName, Api>> = {
  chat: { path: API_PATHS.chat, wanted: 'message', body: chatBody, read: readChat },
  responses: { path: API_PATHS.responses, wanted: 'output', body: responsesBody, read: readResponse },
  completions: { path: API_PATHS.completions, wanted: 'text', body: completionBody, read: readCompletion },
  embeddings: { path: API_PATHS.embeddings, wanted: 'vector', body: embeddingsBody, read: readEmbeddings },
};

/** Returns the way in which a request is asked. */
export function apiOf({ api = 'chat' }: Pick<ChatRequest, 'api'>): Api {
  return APIS[api];
}
