import { Context } from '@temporalio/activity';
import type { Model } from '../batch/models.js';
import { isDriaError } from '../dria/errors.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';

/** The endpoint's models. */
export function fetchModels({ endpoint }: ActivityDependencies): Promise<Model[]> {
  return translated(() => endpoint.models(Context.current().cancellationSignal));
}

/**
 * The account's credits; none where the endpoint does not tell them. A wrong key is found by it before the first prompt.
 * An endpoint that cannot tell them now is a failure, to be tried again, only where they are `needed`.
 */
export function readBalance(
  { endpoint }: ActivityDependencies,
  { needed }: { readonly needed: boolean },
): Promise<{ balance?: number }> {
  return translated(async () => {
    try {
      return (await endpoint.balance(Context.current().cancellationSignal)) ?? {};
    } catch (error) {
      if (!needed && isDriaError(error) && error.code !== 'Unauthorized') return {};
      throw error;
    }
  });
}
