import { describeError, isDriaError } from '../dria/errors.js';
import { MAX_ENTRIES } from '../dria/models.js';
import { endpointFromFlags } from './batch-request.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { openEndpoint } from './open-endpoint.js';
import { formatCount } from './terminal/format.js';
import { modelsTable } from './terminal/tables.js';

/** Prints the endpoint's models, most nodes first: a table, or a line of JSON each. */
export async function listModels(baseUrl: string | undefined, json: boolean, io: Io): Promise<void> {
  const url = endpointFromFlags(baseUrl, io.env);
  const endpoint = openEndpoint(url, io.env);
  try {
    const { models, facts } = await endpoint.catalogue(io.interrupt);
    if (facts.entries > MAX_ENTRIES) {
      io.stderr.write(
        `${url} lists ${formatCount(facts.entries)} models: the first ${formatCount(MAX_ENTRIES)} are read\n`,
      );
    }
    models.sort((a, b) => b.nodes - a.nodes || a.id.localeCompare(b.id));
    const lines = models.map(({ id, modality, nodes }) => `${JSON.stringify({ id, modality, nodes })}\n`);
    io.stdout.write(json ? lines.join('') : `${modelsTable(models)}\n`);
  } catch (error) {
    throw modelsUnavailable(url, error);
  } finally {
    await endpoint.close();
  }
}

/** The error for an endpoint whose models cannot be had; what is no answer of an endpoint is given back as it is. */
export function modelsUnavailable(url: string, error: unknown): unknown {
  if (!isDriaError(error)) return error;
  const hint = error.code === 'Unauthorized' ? { hint: 'Check DRIA_API_KEY.' } : {};
  const message = `the models of ${url} cannot be had: ${describeError(error)}`;
  return new UserError(message, { exitCode: 1, cause: error, ...hint });
}
