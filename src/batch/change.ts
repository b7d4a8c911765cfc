import type { BatchState } from './batch-state.js';
import { grantAllowances, recallAllowances } from './budget.js';
import type { Listing } from './endpoint-rules.js';
import { LIMITS, limitProblem, MAX_MODEL_LENGTH } from './limits.js';
import type { Model } from './models.js';
import type { WorkflowOptions } from './options.js';
import { adoptTargets, applyList, chosenTarget, type Targets, withNamed } from './targets.js';

/** What can be changed of a run under way. What is left out stays as it is. */
export interface RunChange {
  /** Permits: maximum number of requests in flight. */
  readonly concurrency?: number;
  /** The only model to ask from now on; `null` for models by nodes again. */
  readonly model?: string | null;
  /** Maximum tokens of an answer. */
  readonly maxTokens?: number;
  /** Sampling temperature. */
  readonly temperature?: number;
  /** Further attempts for an item after its first. */
  readonly retries?: number;
  /** Maximum time for one answer (seconds). */
  readonly timeoutSecs?: number;
  /** Maximum time that items wait for an endpoint that cannot be asked (seconds). */
  readonly maxWaitSecs?: number;
  /** Maximum requests a minute; `null` for no limit. */
  readonly rpm?: number | null;
  /** Maximum tokens a minute; `null` for no limit. */
  readonly tpm?: number | null;
  /** Maximum tokens of the whole run; `null` for no limit. */
  readonly maxTotalTokens?: number | null;
  /** Maximum credits of the whole run; `null` for no limit. */
  readonly maxCredits?: number | null;
  /** Maximum cost of a run with several endpoints, US dollars; `null` for no limit. */
  readonly maxCost?: number | null;
}

/** What may be `null`: there is a meaning in having none. */
const MAY_BE_NONE: ReadonlySet<string> = new Set(['model', 'rpm', 'tpm', 'maxTotalTokens', 'maxCredits', 'maxCost']);

/** Why a change cannot be made, in words that name the field; undefined when it can. `change` comes from outside. */
export function changeProblem(change: unknown): string | undefined {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) {
    return 'give an object, such as {"concurrency": 20}';
  }
  const fields = Object.entries(change);
  if (fields.length === 0) return `give at least one of ${CHANGEABLE.join(', ')}`;
  for (const [field, value] of fields) {
    const problem = fieldProblem(field, value);
    if (problem !== undefined) return `${field}: ${problem}`;
  }
  return undefined;
}

const CHANGEABLE = ['model', ...Object.keys(LIMITS)];

function fieldProblem(field: string, value: unknown): string | undefined {
  if (value === null && MAY_BE_NONE.has(field)) return undefined;
  if (field === 'model') {
    const isName = typeof value === 'string' && value !== '' && value.length <= MAX_MODEL_LENGTH;
    return isName ? undefined : 'expected the name of a model, or null for any';
  }
  const limit = Object.entries(LIMITS).find(([name]) => name === field)?.[1];
  if (limit === undefined) return `cannot be changed; what can is ${CHANGEABLE.join(', ')}`;
  return limitProblem(value, limit);
}

/** Returns true if a change needs a list of models: to choose by nodes, or among several endpoints. */
export function needsModels({ model }: RunChange, { endpoints }: Listing): boolean {
  return model === null || (model !== undefined && endpoints !== undefined);
}

/**
 * Applies a change. `list` are the endpoint's models, if {@link needsModels} asks for them. A change of how items are
 * asked, or of what a run holds to less, raises the revision: chunks then take back their packs.
 */
export function applyChange(state: BatchState, change: RunChange, list: readonly Model[]): BatchState {
  const options = changedOptions(state.options, change);
  const tighter = isTighter(state.options, options);
  const anew = tighter || asksOtherwise(state.options, options) || options.concurrency < state.options.concurrency;
  const revision = anew ? state.revision + 1 : state.revision;
  const targets = change.model === undefined ? state.targets : targetsFor(change.model, state, list);
  const changed = { ...state, options, revision, targets };
  return tighter ? allowAnew(changed) : changed;
}

/** With the change each chunk hears what it may spend now: until it did, its packs would have no limit at all. */
function allowAnew(state: BatchState): BatchState {
  return grantAllowances(recallAllowances(state)).state;
}

function changedOptions(options: WorkflowOptions, change: RunChange): WorkflowOptions {
  const { model, rpm, tpm, maxTotalTokens, maxCredits, maxCost, ...rest } = options;
  const { model: _m, rpm: _r, tpm: _t, maxTotalTokens: _tokens, maxCredits: _credits, maxCost: _c, ...others } = change;
  return {
    ...rest,
    ...others,
    ...withoutNone({ model: changed(model, change.model) }),
    ...withoutNone({ rpm: changed(rpm, change.rpm) }),
    ...withoutNone({ tpm: changed(tpm, change.tpm) }),
    ...withoutNone({ maxTotalTokens: changed(maxTotalTokens, change.maxTotalTokens) }),
    ...withoutNone({ maxCredits: changed(maxCredits, change.maxCredits) }),
    ...withoutNone({ maxCost: changed(maxCost, change.maxCost) }),
  };
}

/** What is left out of a change stays as it is. */
function changed<T>(before: T | undefined, to: T | null | undefined): T | null | undefined {
  return to === undefined ? before : to;
}

/** An object without the field when its value says that there is none: histories need no `undefined`. */
function withoutNone<T extends object>(field: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const [value] = Object.values(field);
  return value === null || value === undefined ? {} : (field as { [K in keyof T]: NonNullable<T[K]> });
}

function asksOtherwise(before: WorkflowOptions, after: WorkflowOptions): boolean {
  const asked = ({ model, maxTokens, temperature, timeoutSecs, rpm, tpm }: WorkflowOptions): string =>
    JSON.stringify([model, maxTokens, temperature, timeoutSecs, rpm, tpm]);
  return asked(before) !== asked(after);
}

/** True when a limit is new or lower: what was allowed within the old one no longer is. */
function isTighter(before: WorkflowOptions, after: WorkflowOptions): boolean {
  const lower = (old: number | undefined, now: number | undefined): boolean =>
    now !== undefined && (old === undefined || now < old);
  const limits = ['maxTotalTokens', 'maxCredits', 'maxCost'] as const;
  return limits.some((limit) => lower(before[limit], after[limit]));
}

function targetsFor(model: string | null, { targets, manifest, options }: BatchState, list: readonly Model[]): Targets {
  if (options.endpoints !== undefined) return adoptTargets(targets, applyList([], list));
  if (model !== null) return chosenTarget(model);
  // What was learnt of targets that were not chosen stays.
  const known = targets.map(({ chosen: _any, ...target }) => target);
  return applyList(withNamed(known, manifest.models), list);
}
