import type { BatchOptions } from '../batch/options.js';
import type { BatchInput } from '../batch/run.js';
import type { Endpoint } from '../dria/endpoint.js';
import type { NamedEndpoints } from '../dria/named-endpoint.js';
import { wrongEndpoint } from './endpoint-of.js';
import { invalid } from './failures.js';

/** Fails with `WrongEndpoint` if a run names endpoints and this worker has none of them: other workers may have some. */
export function refuseMissingEndpoints(
  { endpoint, options }: Pick<BatchInput, 'endpoint' | 'options'>,
  endpoints: NamedEndpoints = new Map(),
): void {
  const { endpoints: named } = options ?? {};
  if (named === undefined) return;
  if (endpoint !== undefined) throw invalid('endpoint and options.endpoints are both given: use one of them');
  const [first] = named;
  if (first === undefined || named.some(({ name }) => endpoints.has(name))) return;
  throw wrongEndpoint(first.name);
}

/** Fails with `InvalidInput` for limits that the run's endpoints cannot be held to. */
export function checkLimits({ endpoints, maxCredits, maxCost }: BatchOptions): void {
  if (endpoints !== undefined && maxCredits !== undefined) {
    throw invalid('maxCredits is about the balance of one endpoint; with endpoints give maxCost');
  }
  if (endpoints === undefined && maxCost !== undefined) {
    throw invalid('maxCost needs prices: give endpoints, with the price of each');
  }
}

/** Returns what of its endpoints the answers of a run depend on: where they are, by this worker's table. */
export function endpointText(
  { endpoints: named }: BatchOptions,
  { baseUrl }: Endpoint,
  endpoints: NamedEndpoints = new Map(),
): string {
  if (named === undefined) return baseUrl;
  const urls = named.map(({ name }) => `${name}=${endpoints.get(name)?.endpoint.baseUrl ?? 'elsewhere'}`);
  return urls.sort().join(' ');
}
