import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Simulator } from '../../src/simulator/server.js';
import type { Ask } from './harness.js';

/** A response with its bytes as they came: nothing is decoded or decompressed. */
export class RawResponse {
  constructor(
    readonly status: number,
    readonly headers: IncomingHttpHeaders,
    readonly body: Buffer,
  ) {}

  text(): string {
    return this.body.toString();
  }

  json(): unknown {
    return JSON.parse(this.text());
  }
}

/** Sends a prompt, or the parts of a message. */
export function send(network: Simulator, content: string | readonly object[], options: Ask = {}): Promise<RawResponse> {
  const { model = 'qwen3.5:9b', headers = {}, body, signal } = options;
  const text = JSON.stringify({ model, messages: [{ role: 'user', content }], ...body });
  return exchange(`${network.url}/chat/completions`, 'POST', headers, text, signal);
}

/** Gets a page under the base URL. */
export function get(
  network: Simulator,
  page: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawResponse> {
  return exchange(`${network.url}/${page}`, 'GET', headers);
}

async function exchange(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
  signal?: AbortSignal,
): Promise<RawResponse> {
  const sent = request(url, {
    method,
    // A connection of its own: one that is kept may be cut by a server that goes away.
    agent: false,
    headers: { authorization: 'Bearer test-key', 'content-type': 'application/json', ...headers },
    ...(signal === undefined ? {} : { signal }),
  });
  sent.end(body);
  const [response]: IncomingMessage[] = await once(sent, 'response');
  if (response === undefined) throw new Error('no response');
  return new RawResponse(response.statusCode ?? 0, response.headers, await buffer(response));
}
