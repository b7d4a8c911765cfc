import { ApplicationFailure } from '@temporalio/common';
import type { InferInput } from '../batch/activity-contract.js';
import { splitTarget } from '../batch/endpoint-rules.js';
import type { NamedEndpoint } from '../dria/named-endpoint.js';
import type { ActivityDependencies } from './dependencies.js';
import type { ItemError } from './failures.js';

/** Where a pack's requests go, and by which name the model is known there. */
export type AskedEndpoint = Pick<NamedEndpoint, 'endpoint' | 'form'> & { readonly model: string };

/**
 * Returns where a pack's requests go: to what this worker's operator has written down under the name that the run gives, and
 * nowhere else. Returns the error that ends the pack if there is no such name here, or it is not for that model.
 */
export function endpointOf(
  { endpoint, endpoints }: Pick<ActivityDependencies, 'endpoint' | 'endpoints'>,
  { endpoint: name, target }: Pick<InferInput, 'endpoint' | 'target'>,
): AskedEndpoint | ItemError {
  if (name === undefined) return { endpoint, model: target };
  const { model } = splitTarget(target);
  const named = endpoints?.get(name);
  if (named === undefined) return refused('WrongEndpoint', 'endpoint', missingEndpoint(name));
  if (named.models?.includes(model) === false) {
    return refused('ModelUnavailable', 'target', `unavailable: this worker's endpoint ${name} is not for ${model}`);
  }
  return { endpoint: named.endpoint, form: named.form, model };
}

/** Returns the words for an endpoint that a worker does not have. */
function missingEndpoint(name: string): string {
  return `this worker has no endpoint ${name}: its operator adds it to the file of --endpoints`;
}

/** Returns the failure for it. */
export function wrongEndpoint(name: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(missingEndpoint(name), 'WrongEndpoint');
}

function refused(type: ItemError['type'], fault: ItemError['fault'], error: string): ItemError {
  return { type, fault, error, isSent: false, isUnclear: false };
}
