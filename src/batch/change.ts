import { recallLanes } from './batch-lanes.js';
import { type BatchState, planShares } from './batch-state.js';
import { grantAllowances, recallAllowances } from './budget.js';
import { LIMITS, limitProblem } from './limits.js';
import { chosenModel, type ModelTable, refreshModels } from './model-table.js';
import type { Model } from './models.js';
import type { WorkflowOptions } from './run.js';

/** What can be changed of a run under way. What is left out stays as it is. */
export interface RunChange {
  /** Lanes. */
  readonly concurrency?: number;
  /** The only model to ask from now on; `null` for models by nodes again. */
  readonly model?: string | null;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly retries?: number;
  readonly timeoutSecs?: number;
  /** Tokens, and credits, of the whole run at most; `null` for no limit. */
  readonly maxTotalTokens?: number | null;
  readonly maxCredits?: number | null;
}

/** What may be `null`: there is a meaning in having none. */
const MAY_BE_NONE: ReadonlySet<string> = new Set(['model', 'maxTotalTokens', 'maxCredits']);

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
    return typeof value === 'string' && value !== '' ? undefined : 'expected the name of a model, or null for any';
  }
  const limit = Object.entries(LIMITS).find(([name]) => name === field)?.[1];
  if (limit === undefined) return `cannot be changed; what can is ${CHANGEABLE.join(', ')}`;
  return limitProblem(value, limit);
}

/** True when a change needs the endpoint's list of models. */
export function needsModels({ model }: RunChange): boolean {
  return model !== undefined;
}

/**
 * The state after a change. `list` are the endpoint's models, where {@link needsModels} says so. What is asked otherwise
 * than before raises the revision: chunks then take back the packs under way.
 */
export function applyChange(state: BatchState, change: RunChange, list: readonly Model[], now: number): BatchState {
  const options = changedOptions(state.options, change);
  const tighter = isTighter(state.options, options);
  const revision = tighter || asksOtherwise(state.options, options) ? state.revision + 1 : state.revision;
  const models = change.model === undefined ? state.models : modelsFor(change.model, state.models, list);
  const changed = { ...state, options, revision, models };
  return planShares(recallLanes(tighter ? allowAnew(changed) : changed).state, now);
}

/** With the change each chunk hears what it may spend now: until it did, its packs would have no limit at all. */
function allowAnew(state: BatchState): BatchState {
  return grantAllowances(recallAllowances(state)).state;
}

function changedOptions(options: WorkflowOptions, change: RunChange): WorkflowOptions {
  const { model, maxTotalTokens, maxCredits, ...rest } = options;
  const { model: toModel, maxTotalTokens: toTokens, maxCredits: toCredits, ...others } = change;
  return {
    ...rest,
    ...others,
    ...withoutNone({ model: toModel === undefined ? model : toModel }),
    ...withoutNone({ maxTotalTokens: toTokens === undefined ? maxTotalTokens : toTokens }),
    ...withoutNone({ maxCredits: toCredits === undefined ? maxCredits : toCredits }),
  };
}

/** An object without the field when its value says that there is none: histories need no `undefined`. */
function withoutNone<T extends object>(field: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const [value] = Object.values(field);
  return value === null || value === undefined ? {} : (field as { [K in keyof T]: NonNullable<T[K]> });
}

function asksOtherwise(before: WorkflowOptions, after: WorkflowOptions): boolean {
  const asked = ({ model, maxTokens, temperature, timeoutSecs }: WorkflowOptions): string =>
    JSON.stringify([model, maxTokens, temperature, timeoutSecs]);
  return asked(before) !== asked(after);
}

/** True when a limit is new or lower: what was allowed within the old one no longer is. */
function isTighter(before: WorkflowOptions, after: WorkflowOptions): boolean {
  const lower = (old: number | undefined, now: number | undefined): boolean =>
    now !== undefined && (old === undefined || now < old);
  return lower(before.maxTotalTokens, after.maxTotalTokens) || lower(before.maxCredits, after.maxCredits);
}

function modelsFor(model: string | null, known: ModelTable, list: readonly Model[]): ModelTable {
  if (model !== null) return chosenModel(model, list);
  // What was learnt of models that were not chosen stays.
  return refreshModels(
    known.map(({ chosen: _any, ...state }) => state),
    list,
  );
}
