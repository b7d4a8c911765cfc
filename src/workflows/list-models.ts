import type { BatchActivities } from '../batch/activity-contract.js';
import { type Listing, targetModels } from '../batch/endpoint-rules.js';
import type { Model } from '../batch/models.js';

/** Models that a run may ask, and why some of its endpoints have none, a sentence each. */
export interface Listed {
  readonly models: readonly Model[];
  readonly away: readonly string[];
}

/** Asks a run's endpoint, or its endpoints, for their models. */
export async function listModels(
  activities: Pick<BatchActivities, 'fetchModels' | 'fetchEndpointModels'>,
  { endpoints, model }: Listing,
): Promise<Listed> {
  if (endpoints === undefined) return { models: await activities.fetchModels(), away: [] };
  const { models, away } = await activities.fetchEndpointModels({ endpoints: endpoints.map(({ name }) => name) });
  const wanted = targetModels(models, endpoints, model);
  if (wanted.length > 0 || model === undefined || models.length === 0) return { models: wanted, away };
  return { models: wanted, away: [...away, `no endpoint lists the model ${model}`] };
}
