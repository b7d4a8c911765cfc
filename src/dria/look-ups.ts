import { amountFrom } from '../batch/numbers.js';
import { lacksVersion } from './base-url.js';
import type { HttpAnswer } from './classify.js';
import { changedError, DriaError } from './errors.js';
import type { HttpClient } from './http-client.js';
import { isObject, parseBody } from './json.js';
import { errorInBody, responseError, wrongPathHint } from './response-error.js';

/** Time for the models list and for the balance (ms): small answers, for which a run waits. */
const LOOKUP_MS = 15_000;

/**
 * Returns the body of `GET /models`. Its errors concern the list alone: chats may work with a key that may not list, and
 * the other way round. A wrong path is answered with the one that is right, as far as it can be found.
 */
export async function modelsBody(http: HttpClient, signal: AbortSignal | undefined): Promise<unknown> {
  const answer = await http.get('/models', { timeoutMs: LOOKUP_MS, signal });
  if (answer.status !== 200) throw await listError(http, answer, signal);
  const body = parseBody(answer.text);
  const inside = errorInBody(body, answer.headers, { secrets: http.secrets });
  if (inside !== undefined) throw inside;
  if (body === undefined && /^\s*</.test(answer.text)) throw await wrongPath(http, answer, 'a web page', signal);
  return body;
}

/** Returns the credits that `GET /credits/balance` tells; undefined if the endpoint has no such path or tells no number. */
export async function balanceOf(http: HttpClient, signal: AbortSignal | undefined): Promise<number | undefined> {
  const answer = await http.get('/credits/balance', { timeoutMs: LOOKUP_MS, signal });
  const { status } = answer;
  if ([401, 403, 429].includes(status) || status >= 500) throw responseError(answer, { secrets: http.secrets });
  const body = status === 200 ? parseBody(answer.text) : undefined;
  return isObject(body) ? amountFrom(body.balance) : undefined;
}

async function listError(http: HttpClient, answer: HttpAnswer, signal: AbortSignal | undefined): Promise<DriaError> {
  const error = responseError(answer, { secrets: http.secrets });
  if (answer.status === 404 || answer.status === 405) return wrongPath(http, answer, error.message, signal);
  return error.fault === 'item' ? changedError(error, { fault: 'endpoint' }) : error;
}

/** The error for an endpoint that has no models list at this base URL. */
async function wrongPath(
  http: HttpClient,
  { status }: HttpAnswer,
  said: string,
  signal: AbortSignal | undefined,
): Promise<DriaError> {
  const { baseUrl } = http;
  const isBelow = lacksVersion(baseUrl) && (await isList(http, '/v1/models', signal));
  const hint = isBelow ? `the base URL is ${baseUrl}/v1` : wrongPathHint(baseUrl);
  const code = status === 200 ? 'BadResponse' : 'InvalidRequest';
  return new DriaError({ code, fault: 'endpoint', status, message: `${said}: ${hint}` });
}

/** Returns whether there is a list at a path, or one that wants another key. */
async function isList(http: HttpClient, path: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const { status, text } = await http.get(path, { timeoutMs: LOOKUP_MS, signal });
    return [200, 401, 403].includes(status) && /^\s*[[{]/.test(text);
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}
