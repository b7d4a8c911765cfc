import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { readJson } from './body.js';
import { simulatedModelSchema } from './models.js';
import type { Network } from './network.js';
import { quirkSchema } from './options.js';
import type { RequestRecord } from './record.js';
import { ruleSchema } from './rules.js';

const MAX_BODY_BYTES = 1024 * 1024;
const LINES_PER_WRITE = 500;

const rulesSchema = z.preprocess((body) => (Array.isArray(body) ? body : [body]), z.array(ruleSchema));
const quirksSchema = z.array(quirkSchema);
const modelsSchema = z.array(simulatedModelSchema);
const creditsSchema = z.strictObject({ add: z.number().int().positive() });

/** Answers one path under `/_sim`. The object it returns is sent as JSON; undefined: it has answered itself. */
export type AdminRoute = (
  network: Network,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<object | undefined> | object;

/** The routes by method and path: what tests and the benchmark steer and read the simulated network with. */
export const ADMIN_ROUTES: ReadonlyMap<string, AdminRoute> = new Map<string, AdminRoute>([
  ['GET /_sim/stats', (network) => network.recorder.stats()],
  ['GET /_sim/requests', sendRecord],
  ['POST /_sim/reset', reset],
  ['POST /_sim/rules', addRules],
  ['DELETE /_sim/rules', clearRules],
  ['GET /_sim/quirks', ({ quirks }) => quirks.list()],
  ['POST /_sim/quirks', setQuirks],
  ['DELETE /_sim/quirks', removeQuirks],
  ['GET /_sim/models', (network) => network.models.list()],
  ['PUT /_sim/models', replaceModels],
  ['PATCH /_sim/models', mergeModels],
  ['POST /_sim/credits', addCredits],
]);

async function sendRecord(network: Network, _request: IncomingMessage, response: ServerResponse): Promise<undefined> {
  response.writeHead(200, { 'content-type': 'application/jsonl' });
  await pipeline(Readable.from(recordLines(network.recorder.requests())), response);
}

function* recordLines(records: readonly RequestRecord[]): Generator<string> {
  for (let start = 0; start < records.length; start += LINES_PER_WRITE) {
    const lines = records.slice(start, start + LINES_PER_WRITE).map((record) => `${JSON.stringify(record)}\n`);
    yield lines.join('');
  }
}

function reset(network: Network): object {
  network.reset();
  return network.recorder.stats();
}

async function addRules(network: Network, request: IncomingMessage): Promise<object> {
  const rules = await readJson(request, rulesSchema, MAX_BODY_BYTES);
  network.rules.add(rules);
  return { added: rules.length };
}

function clearRules(network: Network): object {
  network.rules.clear();
  return {};
}

async function setQuirks({ quirks }: Network, request: IncomingMessage): Promise<object> {
  quirks.set(await readJson(request, quirksSchema, MAX_BODY_BYTES));
  return quirks.list();
}

/** Takes the quirk of the parameter `name` back; without one all. */
function removeQuirks({ quirks }: Network, { url = '' }: IncomingMessage): object {
  quirks.remove(new URLSearchParams(url.split('?')[1]).get('name') ?? undefined);
  return quirks.list();
}

async function replaceModels(network: Network, request: IncomingMessage): Promise<object> {
  network.models.replace(await readJson(request, modelsSchema, MAX_BODY_BYTES));
  return network.models.list();
}

async function mergeModels(network: Network, request: IncomingMessage): Promise<object> {
  network.models.merge(await readJson(request, modelsSchema, MAX_BODY_BYTES));
  return network.models.list();
}

async function addCredits(network: Network, request: IncomingMessage): Promise<object> {
  const { add } = await readJson(request, creditsSchema, MAX_BODY_BYTES);
  network.credits.add(add);
  network.quirks.topUp(add);
  return network.credits.balance();
}
