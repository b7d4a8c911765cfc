import { Endpoint } from '../dria/endpoint.js';
import { describeError, isDriaError } from '../dria/errors.js';
import { endpointFromFlags } from './batch-request.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { modelsTable } from './terminal/tables.js';

/** Prints the endpoint's models, most nodes first: a table, or a line of JSON each. */
export async function listModels(baseUrl: string | undefined, json: boolean, io: Io): Promise<void> {
  const url = endpointFromFlags(baseUrl, io.env);
  const apiKey = io.env.DRIA_API_KEY;
  const endpoint = Endpoint.open({ baseUrl: url, ...(apiKey ? { apiKey } : {}) });
  try {
    const models = await endpoint.models(io.interrupt);
    models.sort((a, b) => b.nodes - a.nodes || a.id.localeCompare(b.id));
    const lines = models.map(({ id, modality, nodes }) => `${JSON.stringify({ id, modality, nodes })}\n`);
    io.stdout.write(json ? lines.join('') : `${modelsTable(models)}\n`);
  } catch (error) {
    if (!isDriaError(error)) throw error;
    const hint = error.code === 'Unauthorized' ? { hint: 'Check DRIA_API_KEY.' } : {};
    throw new UserError(`the models of ${url} cannot be had: ${describeError(error)}`, {
      exitCode: 1,
      cause: error,
      ...hint,
    });
  } finally {
    await endpoint.close();
  }
}
