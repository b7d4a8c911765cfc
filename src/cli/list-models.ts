import type { Model } from '../batch/models.js';
import { describeError, isDriaError } from '../dria/errors.js';
import { MAX_ENTRIES } from '../dria/models.js';
import { endpointFromFlags } from './batch-request.js';
import { lookAtEndpoints } from './endpoint-look.js';
import type { EndpointsFile } from './endpoints-file.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { openEndpoint } from './open-endpoint.js';
import { type EndpointFlags, endpointsFromFlags } from './run-endpoints.js';
import { formatCount } from './terminal/format.js';
import { modelsTable } from './terminal/tables.js';

/** Prints the endpoint's models, most nodes first: a table, or a line of JSON each. */
export async function listModels(flags: EndpointFlags, json: boolean, io: Io): Promise<void> {
  const file = await endpointsFromFlags(flags, io, true);
  if (file !== undefined) return await listAll(file, json, io);
  const { baseUrl } = flags;
  const url = endpointFromFlags(baseUrl, io.env);
  const endpoint = openEndpoint(url, io.env);
  try {
    const { models, facts } = await endpoint.catalogue(io.interrupt);
    if (facts.entries > MAX_ENTRIES) {
      io.stderr.write(
        `${url} lists ${formatCount(facts.entries)} models: the first ${formatCount(MAX_ENTRIES)} are read\n`,
      );
    }
    printModels(models, json, io);
  } catch (error) {
    throw modelsUnavailable(url, error);
  } finally {
    await endpoint.close();
  }
}

/** Prints the models of several endpoints, as runs name them; says why an endpoint gives none. Throws if no list can be had. */
async function listAll({ worker }: EndpointsFile, json: boolean, io: Io): Promise<void> {
  const looks = await Promise.all(
    worker.map(async (named) => ({ named, look: await lookAtEndpoints([named], io.interrupt, LIST_MS) })),
  );
  const models: Model[] = [];
  for (const { named, look } of looks) {
    if (look.kind === 'list') models.push(...look.catalogue.models);
    else io.stderr.write(`${named.name}: the models cannot be had: ${describeError(look.error)}\n`);
  }
  if (looks.every(({ look }) => look.kind !== 'list')) throw new UserError('no endpoint lists models', { exitCode: 1 });
  printModels(models, json, io);
}

/** Time for a list (ms): nothing else waits for it. */
const LIST_MS = 30_000;

function printModels(models: Model[], json: boolean, io: Io): void {
  models.sort((a, b) => b.nodes - a.nodes || a.id.localeCompare(b.id));
  const lines = models.map(({ id, modality, nodes }) => `${JSON.stringify({ id, modality, nodes })}\n`);
  io.stdout.write(json ? lines.join('') : `${modelsTable(models)}\n`);
}

/** The error for an endpoint whose models cannot be had; what is no answer of an endpoint is given back as it is. */
export function modelsUnavailable(url: string, error: unknown): unknown {
  if (!isDriaError(error)) return error;
  const hint = error.code === 'Unauthorized' ? { hint: 'Check DRIA_API_KEY.' } : {};
  const message = `the models of ${url} cannot be had: ${describeError(error)}`;
  return new UserError(message, { exitCode: 1, cause: error, ...hint });
}
