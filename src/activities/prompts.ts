import type { PromptItem, ResultsPage } from '../batch/prompts.js';
import { ifThere } from '../store/json.js';
import * as prompts from '../store/prompts.js';
import type { ActivityDependencies } from './dependencies.js';
import { invalid, translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { unshared } from './unshared.js';

/** Stages a portion of a workflow's prompts. Idempotent. */
export function stagePrompts(
  { storage }: ActivityDependencies,
  { items }: { readonly items: readonly PromptItem[] },
): Promise<{ input: string }> {
  return checked(async () => ({ input: await prompts.stagePrompts(storage, items) }));
}

/** Joins staged portions into one input. Idempotent. */
export function joinInputs(
  { storage }: ActivityDependencies,
  { inputs }: { readonly inputs: readonly string[] },
): Promise<{ input: string }> {
  return checked(() =>
    withHeartbeat(
      () => ({ inputs: inputs.length }),
      async () => {
        for (const key of inputs) if ((await storage.size(key)) === undefined) throw unshared(storage, key);
        return { input: await prompts.joinInputs(storage, inputs) };
      },
    ),
  );
}

/** What results are called: nothing else of the storage is read for a workflow. */
const RESULTS = /^runs\/[^/]+\/results\.jsonl$/;

/** Reads a page of a run's results. */
export function readResults(
  { storage }: ActivityDependencies,
  { results, from }: { readonly results: string; readonly from: number },
): Promise<ResultsPage> {
  return checked(async () => {
    if (!RESULTS.test(results)) throw new TypeError(`${results}: this is not the key of a run's results`);
    const page = await ifThere(prompts.readResultsPage(storage, results, from));
    if (page === undefined) throw unshared(storage, results);
    return page;
  });
}

/** Runs a body whose refusals are failures that no attempt mends. */
function checked<T>(body: () => Promise<T>): Promise<T> {
  return translated(async () => {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
      throw invalid(error.message);
    }
  });
}
