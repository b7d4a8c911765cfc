import type { EndpointShare, InferInput } from './activity-contract.js';
import type { Pack } from './chunk-state.js';
import { type Endpoints, priceOf, splitTarget } from './endpoint-rules.js';
import type { WorkflowOptions } from './options.js';

/** Returns the input of the activity that works on a pack. */
export function inferInput(
  { run, chunk, isAnswered }: Pick<InferInput, 'run' | 'chunk'> & { readonly isAnswered: boolean },
  pack: Pack,
  options: WorkflowOptions,
): InferInput {
  const { target, modality, items, permits, tokens, retryAt, reread, hasOther } = pack;
  const { model, maxTokens, temperature, timeoutSecs, retries, detail, concurrency, rpm, tpm, api } = options;
  // All permits of the run together have all that a minute may have.
  const part = Math.min(1, permits / concurrency);
  return {
    run,
    chunk,
    target,
    modality,
    items,
    permits,
    ...(tokens === undefined ? {} : { tokens }),
    ...(rpm === undefined ? {} : { rpm: rpm * part }),
    ...(tpm === undefined ? {} : { tpm: tpm * part }),
    ...(options.endpoints === undefined ? {} : endpointPart(target, options.endpoints, part)),
    ...(retryAt === undefined ? {} : { retrying: true }),
    ...(reread === true ? { reread } : {}),
    ...(hasOther ? { hasOther } : {}),
    ...(isAnswered ? { isAnswered } : {}),
    options: {
      ...(model === undefined ? {} : { model }),
      ...(api === undefined ? {} : { api }),
      maxTokens,
      temperature,
      timeoutSecs,
      retries,
      detail,
    },
  };
}

/**
 * Returns what a pack says of its run's endpoints. It brings a share of the bounds of all of them, not only of its own: so each
 * bound is the same part of the whole on a worker as the run's permits there are, whichever endpoint they ask just then.
 */
function endpointPart(
  target: string,
  endpoints: Endpoints,
  part: number,
): Pick<InferInput, 'endpoint' | 'shares' | 'price'> {
  const shares: Record<string, EndpointShare> = {};
  for (const { name, maxInFlight, rpm, tpm } of endpoints) {
    if (maxInFlight === undefined && rpm === undefined && tpm === undefined) continue;
    shares[name] = {
      ...(maxInFlight === undefined ? {} : { permits: maxInFlight * part }),
      ...(rpm === undefined ? {} : { rpm: rpm * part }),
      ...(tpm === undefined ? {} : { tpm: tpm * part }),
    };
  }
  const price = priceOf(endpoints, target);
  return {
    endpoint: splitTarget(target).endpoint,
    ...(Object.keys(shares).length === 0 ? {} : { shares }),
    ...(price === undefined ? {} : { price }),
  };
}
