import type { ServerResponse } from 'node:http';
import type { StatusResponse } from './responses.js';
import { defaultMessage } from './responses.js';

/** A response as it is about to be written. */
export interface Payload {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Returns a 200 with a JSON body. */
export function jsonPayload(body: unknown): Payload {
  return { status: 200, contentType: 'application/json', body: JSON.stringify(body), headers: {} };
}

/** Returns a refusal: plain text, if its headers name no other type. */
export function refusalPayload(refusal: StatusResponse): Payload {
  const { 'content-type': contentType = 'text/plain', ...headers } = refusal.headers ?? {};
  return {
    status: refusal.status,
    contentType,
    body: refusal.message ?? defaultMessage(refusal.status),
    headers: { ...retryAfterHeader(refusal), ...headers },
  };
}

/** Writes a response and ends it. */
export function writePayload(response: ServerResponse, { status, contentType, body, headers }: Payload): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}

/** RFC 9110, 10.2.3: whole seconds, or a date, which has no fractions either and is therefore rounded up. */
function retryAfterHeader({ retryAfterSecs, retryAfterForm }: StatusResponse): Record<string, string> {
  if (retryAfterSecs === undefined) return {};
  if (retryAfterForm === 'seconds') return { 'retry-after': String(retryAfterSecs) };
  const at = (Math.ceil(Date.now() / 1000) + retryAfterSecs) * 1000;
  return { 'retry-after': new Date(at).toUTCString() };
}
