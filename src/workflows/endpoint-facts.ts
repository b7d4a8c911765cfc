import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { FailureType } from '../batch/activity-contract.js';
import type { EndpointFacts, Needs } from '../batch/away.js';
import { endpointLook, endpointSteps } from './activities.js';
import { listModels } from './list-models.js';

/** What an endpoint answers, or the network, that may be otherwise later. All else stays: there is no list, or no key for it. */
const PASSING: ReadonlySet<unknown> = new Set<FailureType>([
  'NetworkError',
  'EndpointUnavailable',
  'TargetUnavailable',
  'ServerError',
  'NoNodesAvailable',
  'RateLimited',
  'NodeTimeout',
  'BadResponse',
]);

/** What somebody must do something about, by its own name; all else is of the endpoint. */
const FOR_GOOD: ReadonlySet<unknown> = new Set<FailureType>(['Unauthorized', 'PaymentRequired', 'WrongEndpoint']);

/** Returns what is waited for while the endpoint is asked, in words. */
export function waitOf({ models }: Needs): string {
  return models ? "the endpoint's models list" : "the account's balance";
}

/** Asks the endpoint once. What is needed and cannot be had now is waited for; throws if waiting does not bring it. */
export async function readEndpoint(needs: Needs): Promise<EndpointFacts> {
  const [models, balance] = await Promise.all([readModels(needs), readBalance(needs)]);
  return { ...models, ...balance };
}

async function readModels(needs: Needs): Promise<EndpointFacts> {
  if (!needs.models) return {};
  try {
    const { models, away } = await listModels(endpointLook, needs);
    return { models, notes: away, ...(models.length > 0 || away.length === 0 ? {} : { away: away.join('; ') }) };
  } catch (error) {
    return { away: withoutList(error) };
  }
}

async function readBalance({ balance: needed, endpoints }: Needs): Promise<EndpointFacts> {
  // It is that of the one endpoint that the workers serve.
  if (endpoints !== undefined) return {};
  if (!needed) return await endpointSteps.readBalance({ needed }).catch(() => ({}));
  try {
    const { balance } = await endpointLook.readBalance({ needed });
    if (balance !== undefined) return { balance };
  } catch (error) {
    return { away: passing(error, 'the balance cannot be read') };
  }
  const message = 'maxCredits: the endpoint has no balance to read; give maxTotalTokens instead';
  throw ApplicationFailure.nonRetryable(message, 'InvalidInput');
}

/** Many keys may chat and not list: the way out is a model. */
function withoutList(error: unknown): string {
  const way = 'name one with -m, or options.model, to run without a list';
  return `${passing(error, 'the models cannot be listed', way)}; ${way}`;
}

/** Returns what an endpoint says that may pass. Throws for what waiting does not mend. */
function passing(error: unknown, what: string, way = ''): string {
  if (!(error instanceof ActivityFailure)) throw error;
  const { cause } = error;
  const words = `${what} (${cause?.message ?? error.message})`;
  if (!(cause instanceof ApplicationFailure) || PASSING.has(cause.type)) return words;
  const type = FOR_GOOD.has(cause.type) ? (cause.type ?? '') : 'EndpointUnavailable';
  throw ApplicationFailure.nonRetryable(way === '' ? words : `${words}; ${way}`, type);
}
