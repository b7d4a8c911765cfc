import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { ADMIN_ROUTES } from './admin.js';
import { BadBody } from './body.js';
import { bearerKey, chat } from './chat.js';
import { modelList } from './models.js';
import { Network } from './network.js';
import type { SimulatorOptions } from './options.js';
import { simulatorOptionsSchema } from './options.js';
import { defaultMessage } from './responses.js';

/** Longer than any client keeps an idle connection: none is cut just when a request goes out on it. */
const KEEP_ALIVE_MS = 60 * 60 * 1000;
/** Connections that may wait to be accepted; thousands are opened at once when a run starts. */
const BACKLOG = 4096;

/** A simulated network that is listening. */
export interface Simulator {
  /** The base URL for clients, as in `DRIA_BASE_URL`: `http://127.0.0.1:<port>/v1`. `/_sim` is also found under it. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and cuts all connections. */
  close(): Promise<void>;
}

/**
 * Starts a simulated Dria network in this process.
 * Throws a ZodError for options that are not valid, and the system's error (`EADDRINUSE`) when it cannot listen.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const resolved = simulatorOptionsSchema.parse(options);
  const network = new Network(resolved);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    route(network, request, response).catch((error: unknown) => fail(response, error));
  });
  server.listen({ host: resolved.host, port: resolved.port, backlog: BACKLOG });
  await once(server, 'listening');
  const port = portOf(server);
  const host = resolved.host.includes(':') ? `[${resolved.host}]` : resolved.host;
  return { url: `http://${host}:${port}/v1`, port, close: () => close(server) };
}

async function route(network: Network, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0]?.replace(/^\/v1\/_sim/, '/_sim');
  const wanted = `${request.method} ${path}`;
  if (wanted === 'POST /v1/chat/completions') return chat(network, request, response);
  const admin = ADMIN_ROUTES.get(wanted);
  if (admin !== undefined) {
    const body = await admin(network, request, response);
    if (body !== undefined) sendJson(response, body);
    return;
  }
  sendAccount(network, wanted, request, response);
}

function sendAccount(network: Network, wanted: string, request: IncomingMessage, response: ServerResponse): void {
  const isModels = wanted === 'GET /v1/models';
  if (!isModels && wanted !== 'GET /v1/credits/balance') sendText(response, 404);
  else if (!network.accepts(bearerKey(request))) sendText(response, 401);
  else sendJson(response, isModels ? modelList(network.models.list(), network.options) : network.credits.balance());
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendText(response: ServerResponse, status: number, message = defaultMessage(status)): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(message);
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else if (error instanceof BadBody) sendText(response, error.response.status, error.response.message);
  else
    sendText(response, 500, `the simulator itself failed: ${error instanceof Error ? error.message : String(error)}`);
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the simulator has no TCP port');
  return address.port;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
