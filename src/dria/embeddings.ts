import type { ChatBody } from './body-pieces.js';
import { inForm, settingsOf } from './chat-body.js';
import type { ChatRequest } from './chat-request.js';
import { DriaError } from './errors.js';
import { isObject, type JsonObject } from './json.js';
import type { Reading, Vector } from './reading.js';
import type { RequestProfile } from './request-profile.js';

/** Builds the body of `POST /embeddings`. One input goes as it is: not every server takes a list. */
export function embeddingsBody(request: ChatRequest, profile: RequestProfile): ChatBody {
  const inputs = inputsOfRequest(request);
  const input = inputs.length === 1 ? inputs[0] : inputs;
  return [JSON.stringify(inForm({ ...settingsOf(request, profile), input }, request.form))];
}

/** Reads a list of vectors, in the order of the request's inputs. Throws `BadResponse` if there are more or fewer. */
export function readEmbeddings(body: JsonObject, request: ChatRequest): Reading | undefined {
  const entries = vectorEntries(body);
  const vectors = entries.map(({ embedding }) => vectorOf(embedding));
  const found = vectors.filter((vector) => vector !== undefined);
  const wanted = inputsOfRequest(request).length;
  if (found.length === 0) return undefined;
  if (found.length === wanted && entries.length === wanted) return { text: '', callsTools: false, vectors: found };
  const message = `the answer has ${found.length} vectors, and ${wanted} were asked for`;
  throw new DriaError({ code: 'BadResponse', status: 200, message });
}

/** Returns the entries of a list of vectors, in the order of the request's inputs. */
export function vectorEntries({ data }: JsonObject): readonly JsonObject[] {
  return Array.isArray(data) ? inOrder(data.filter(isObject)) : [];
}

function inputsOfRequest({ inputs, prompt }: ChatRequest): readonly unknown[] {
  return inputs ?? [prompt];
}

/** By their indices, where these name each place once; else as they come. */
function inOrder(entries: readonly JsonObject[]): readonly JsonObject[] {
  const byIndex = new Map(entries.map((entry) => [entry.index, entry]));
  const sorted = entries.map((_, at) => byIndex.get(at));
  return sorted.every((entry) => entry !== undefined) ? sorted : entries;
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A number that JSON cannot hold again, as 1e999, makes no vector. */
function vectorOf(value: unknown): Vector | undefined {
  if (typeof value === 'string') return BASE64.test(value) ? value : undefined;
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const isVector = value.every((number): number is number => typeof number === 'number' && Number.isFinite(number));
  return isVector ? value : undefined;
}
