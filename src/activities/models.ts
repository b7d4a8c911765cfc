import { Context } from '@temporalio/activity';
import type { ApiName } from '../batch/api.js';
import type { Model } from '../batch/models.js';
import { mostNodes } from '../batch/targets.js';
import { isDriaError } from '../dria/errors.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';

/** Models that a history takes of a list: more than a run has targets. Those with most nodes. */
const MAX_LISTED = 500;

/** Returns the endpoint's models that can be asked so. A model that is listed again may be asked again on this worker. */
export function fetchModels(
  { endpoint }: ActivityDependencies,
  { api }: { readonly api?: ApiName | undefined },
): Promise<Model[]> {
  return translated(async () => {
    const models = await endpoint.models(Context.current().cancellationSignal, api);
    endpoint.relist(models.map(({ id }) => id));
    return [...mostNodes(models, MAX_LISTED)];
  });
}

/** Time for a balance that nothing depends on, ms: the run waits for it. */
const OPTIONAL_MS = 5_000;

/**
 * The account's credits; none where the endpoint does not tell them. A wrong key is found by it before the first prompt.
 * An endpoint that cannot tell them now is a failure, to be tried again, only where they are `needed`.
 */
export function readBalance(
  { endpoint }: ActivityDependencies,
  { needed }: { readonly needed: boolean },
): Promise<{ balance?: number }> {
  return translated(async () => {
    const { cancellationSignal } = Context.current();
    const limits = needed ? [] : [AbortSignal.timeout(OPTIONAL_MS)];
    try {
      return (await endpoint.balance(AbortSignal.any([cancellationSignal, ...limits]))) ?? {};
    } catch (error) {
      const isRefused = isDriaError(error) && error.code === 'Unauthorized';
      if (needed || isRefused || cancellationSignal.aborted) throw error;
      return {};
    }
  });
}
