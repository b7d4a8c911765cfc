import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { ADMIN_ROUTES } from './admin.js';
import { BadBody } from './body.js';
import { answer, bearerKey, PATHS } from './chat.js';
import { Listener } from './listener.js';
import { modelEntries } from './models.js';
import { Network } from './network.js';
import type { SimulatorOptions } from './options.js';
import { simulatorOptionsSchema } from './options.js';
import type { Payload } from './payload.js';
import { jsonPayload, refusalPayload, writePayload } from './payload.js';
import type { StatusResponse } from './responses.js';
import { refusal } from './responses.js';

/** Longer than any client keeps an idle connection: none is cut just when a request goes out on it. */
const KEEP_ALIVE_MS = 60 * 60 * 1000;

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
  const listener = new Listener(server, resolved.host, resolved.port);
  await listener.open();
  listener.plan(network.quirks.downtime());
  network.quirks.onChange(() => listener.plan(network.quirks.downtime()));
  const { port } = listener;
  const host = resolved.host.includes(':') ? `[${resolved.host}]` : resolved.host;
  return { url: `http://${host}:${port}/v1`, port, close: () => listener.close() };
}

async function route(network: Network, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const admin = ADMIN_ROUTES.get(`${request.method} ${path.replace(/^\/v1\/_sim/, '/_sim')}`);
  if (admin !== undefined) {
    const body = await admin(network, request, response);
    if (body !== undefined) writePayload(response, jsonPayload(body));
    return;
  }
  const mapped = network.quirks.path(path);
  if (typeof mapped !== 'string') return refuse(response, mapped);
  const by = request.method === 'POST' ? PATHS.get(mapped) : undefined;
  if (by !== undefined) return answer(network, request, response, by);
  writePayload(response, network.quirks.write(accountPayload(network, `${request.method} ${mapped}`, request)));
}

function accountPayload(network: Network, wanted: string, request: IncomingMessage): Payload {
  const isModels = wanted === 'GET /v1/models';
  if (!isModels && wanted !== 'GET /v1/credits/balance') return refusalPayload(refusal(404));
  if (!network.accepts(bearerKey(request))) return refusalPayload(refusal(401));
  const refused = network.quirks.account(isModels ? 'models' : 'balance', request.headers);
  if (refused !== undefined) return refusalPayload(refused);
  if (!isModels) return jsonPayload(network.credits.balance());
  const data = network.quirks.entries(modelEntries(network.models.list(), network.options));
  return jsonPayload({ object: 'list', data });
}

function refuse(response: ServerResponse, refused: StatusResponse): void {
  writePayload(response, refusalPayload(refused));
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else if (error instanceof BadBody) refuse(response, error.response);
  else {
    const message = error instanceof Error ? error.message : String(error);
    refuse(response, refusal(500, `the simulator itself failed: ${message}`));
  }
}
