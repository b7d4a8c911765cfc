import { Context } from '@temporalio/activity';
import type { EndpointLists } from '../batch/activity-contract.js';
import type { ApiName } from '../batch/api.js';
import { targetName } from '../batch/endpoint-rules.js';
import { modalityOfModel } from '../batch/model-modality.js';
import type { Model } from '../batch/models.js';
import { mostNodes } from '../batch/targets.js';
import { describeError, isDriaError } from '../dria/errors.js';
import type { NamedEndpoint } from '../dria/named-endpoint.js';
import type { ActivityDependencies } from './dependencies.js';
import { wrongEndpoint } from './endpoint-of.js';
import { translated } from './failures.js';

/** Models that a history takes of all lists together: more than a run has targets. */
const MAX_LISTED = 500;

/**
 * Returns the models of a worker's endpoints; what cannot be had of one says nothing against the others. If none gives any it
 * fails like the look at a single one, by what may pass if anything may.
 */
export function fetchEndpointModels(
  { endpoints }: Pick<ActivityDependencies, 'endpoints'>,
  { endpoints: names, api }: { readonly endpoints: readonly string[]; readonly api?: ApiName | undefined },
): Promise<EndpointLists> {
  return translated(async () => {
    const { cancellationSignal } = Context.current();
    const lists = await Promise.all(
      names.map(async (name): Promise<EndpointList> => {
        const named = endpoints?.get(name);
        if (named === undefined) return { models: [], error: wrongEndpoint(name) };
        const { models, error } = await modelsAt(named, cancellationSignal, api);
        return { models: models.map((model) => ({ ...model, id: targetName(name, model.id) })), error };
      }),
    );
    cancellationSignal.throwIfAborted();
    const models = lists.flatMap((list) => list.models);
    const errors = lists.map(({ error }) => error).filter((error) => error !== undefined);
    if (models.length === 0 && errors.length > 0) throw errors.find(mayPass) ?? errors[0];
    const away = lists.flatMap(({ error }, at) => (error === undefined ? [] : [inWords(names[at] ?? '', error)]));
    return { models: mostNodes(models, MAX_LISTED), away };
  });
}

/** The models of an endpoint, or why there are none. */
interface EndpointList {
  readonly models: readonly Model[];
  readonly error?: unknown;
}

/** Returns the models of an endpoint. Those that its operator names are there whether it lists them or not. */
export async function modelsAt(
  { endpoint, models: named }: NamedEndpoint,
  signal: AbortSignal,
  api?: ApiName,
): Promise<EndpointList> {
  let listed: readonly Model[] = [];
  try {
    listed = await endpoint.models(signal, api);
    endpoint.relist(listed.map(({ id }) => id));
  } catch (error) {
    if (named === undefined) return { models: [], error };
  }
  if (named === undefined) return { models: listed };
  const models = named.map(
    (id) => listed.find((model) => model.id === id) ?? { id, nodes: 1, modality: modalityOfModel(id) },
  );
  return { models };
}

/** Returns true for what may be otherwise later without anybody doing something. */
function mayPass(error: unknown): boolean {
  return isDriaError(error) && error.code !== 'Unauthorized' && error.code !== 'PaymentRequired';
}

function inWords(name: string, error: unknown): string {
  if (isDriaError(error)) return `${name}: the models cannot be listed (${describeError(error)})`;
  return error instanceof Error ? error.message : String(error);
}
