import type { ChatBody } from './body-pieces.js';
import { inForm, promptOf, settingsOf } from './chat-body.js';
import type { ChatRequest } from './chat-request.js';
import { isObject, type JsonObject } from './json.js';
import type { Reading } from './reading.js';
import type { RequestProfile } from './request-profile.js';

/** Builds the body of `POST /completions`: there are no roles, so a system message stands before the prompt. */
export function completionBody(request: ChatRequest, profile: RequestProfile): ChatBody {
  const { system, input } = request;
  const joined = { ...profile, joinsSystem: true as const };
  const raw = typeof input === 'string' && system !== undefined ? `${system}\n\n${input}` : input;
  const prompt = raw ?? promptOf(request, joined);
  return [JSON.stringify(inForm({ ...settingsOf(request, profile), prompt }, request.form))];
}

/** Reads a `text_completion`. */
export function readCompletion({ choices }: JsonObject): Reading | undefined {
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (!isObject(choice) || typeof choice.text !== 'string') return undefined;
  const { text, finish_reason: reason } = choice;
  return { text, finishReason: typeof reason === 'string' ? reason : undefined, callsTools: false };
}
