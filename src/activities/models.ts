import { Context } from '@temporalio/activity';
import type { Model } from '../batch/models.js';
import { isDriaError } from '../dria/errors.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';

/** The endpoint's models. With `checkKey` a wrong key is found before the first prompt, where the endpoint tells. */
export function fetchModels({ endpoint }: ActivityDependencies, { checkKey }: { checkKey: boolean }): Promise<Model[]> {
  const signal = Context.current().cancellationSignal;
  return translated(async () => {
    const [models] = await Promise.all([endpoint.models(signal), checkKey ? proveKey(endpoint, signal) : undefined]);
    return models;
  });
}

async function proveKey(endpoint: ActivityDependencies['endpoint'], signal: AbortSignal): Promise<void> {
  try {
    await endpoint.balance(signal);
  } catch (error) {
    // Only a refused key matters here: an endpoint that does not tell its balance is a good one all the same.
    if (isDriaError(error) && error.code === 'Unauthorized') throw error;
  }
}
