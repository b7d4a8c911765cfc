import { sumCounts } from './numbers.js';
import type { EndpointProgress, ModelProgress } from './progress.js';

/** Returns what each endpoint of a run has done, by what its models have; nothing for a run with one endpoint. */
export function endpointsOf(models: readonly ModelProgress[]): readonly EndpointProgress[] {
  const names = new Set(models.flatMap(({ endpoint }) => (endpoint === undefined ? [] : [endpoint])));
  return [...names].map((name) => {
    const own = models.filter(({ endpoint }) => endpoint === name);
    const sum = (field: 'sent' | 'ok' | 'failed' | 'fallbacks' | 'tokens') =>
      sumCounts(...own.map((model) => model[field]));
    const costs = own.flatMap(({ costUsd }) => (costUsd === undefined ? [] : [costUsd]));
    return {
      name,
      ...{
        sent: sum('sent'),
        ok: sum('ok'),
        failed: sum('failed'),
        fallbacks: sum('fallbacks'),
        tokens: sum('tokens'),
      },
      ...(costs.length === 0 ? {} : { costUsd: costs.reduce((total, cost) => total + cost, 0) }),
      down: own.every(({ down }) => down),
    };
  });
}
