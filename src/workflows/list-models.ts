import { ApplicationFailure } from '@temporalio/workflow';
import type { BatchActivities } from '../batch/activity-contract.js';
import { type Listing, targetModels, withoutPrice } from '../batch/endpoint-rules.js';
import type { Model } from '../batch/models.js';

/** Models that a run may ask, and why some of its endpoints have none, a sentence each. */
export interface Listed {
  readonly models: readonly Model[];
  readonly away: readonly string[];
}

/** Asks a run's endpoint, or its endpoints, for their models. */
export async function listModels(
  activities: Pick<BatchActivities, 'fetchModels' | 'fetchEndpointModels'>,
  listing: Listing,
): Promise<Listed> {
  const { endpoints, model, api, maxCost } = listing;
  if (endpoints === undefined) return { models: await activities.fetchModels({ api }), away: [] };
  const names = endpoints.map(({ name }) => name);
  const { models, away } = await activities.fetchEndpointModels({ endpoints: names, api });
  const wanted = targetModels(models, listing);
  const [unpriced] = maxCost === undefined ? [] : withoutPrice(wanted, endpoints);
  if (unpriced !== undefined) {
    const message = `maxCost needs the price of every model that may be asked, and nobody has said that of ${unpriced}`;
    throw ApplicationFailure.nonRetryable(message, 'InvalidInput');
  }
  if (wanted.length > 0 || model === undefined || models.length === 0) return { models: wanted, away };
  return { models: wanted, away: [...away, `no endpoint lists the model ${model}`] };
}
