import type { InferInput } from './activity-contract.js';
import type { Pack } from './chunk-state.js';
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
