import type { RunState } from '../batch/progress.js';
import { SEARCH_ATTRIBUTES } from '../batch/search-names.js';
import { UserError } from './errors.js';
import type { ListFlags } from './run-flags.js';

/** How a run stands in a list: `no-worker` is an unfinished one that no worker answers for. */
export type ListedState = RunState | 'no-worker';

/** The states that a list can be asked for. */
export const LISTED_STATES: readonly ListedState[] = [
  'starting',
  'running',
  'waiting',
  'paused',
  'finishing',
  'no-worker',
  'completed',
  'failed',
  'cancelled',
];

/** Which runs a list has. */
export interface RunFilter {
  /** Undefined means any. */
  readonly states: ReadonlySet<ListedState> | undefined;
  /** The only model that is asked, or `any`. */
  readonly model?: string | undefined;
  /** Only runs started from then on, epoch ms. */
  readonly since: number | undefined;
  /** Part of the input's name, in lower case. */
  readonly input: string | undefined;
  /** Runs at most. */
  readonly limit: number;
}

/** The filter that the flags ask for, at `now`, epoch ms. Throws a `UserError` that names the flag. */
export function runFilterOf({ state, model, since, input, limit, all }: ListFlags, now: number): RunFilter {
  if (!Number.isInteger(limit) || limit < 1) refuse('--limit: a whole number from 1; --all lists every run');
  const states = state.flatMap((text) => text.split(',')).map((text) => text.trim());
  return {
    states: states.length === 0 ? undefined : new Set(states.map(parseState)),
    model,
    since: since === undefined ? undefined : parseSince(since, now),
    input: input?.toLowerCase(),
    limit: all ? Number.POSITIVE_INFINITY : limit,
  };
}

function parseState(text: string): ListedState {
  const state = LISTED_STATES.find((known) => known === text.toLowerCase().replace(/[ _]/, '-'));
  return state ?? refuse(`--state ${text}: there are ${LISTED_STATES.join(', ')}`);
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `90m`, `2h`, `3d`; a day in local time, `2026-11-20`; or a moment, `2026-11-20T08:30` (local) or with its zone. */
function parseSince(text: string, now: number): number {
  const [, count, unit] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  if (unit !== undefined) return now - Number(count) * (UNIT_MS[unit] ?? 0);
  // Without a time, JavaScript would take the day as one of UTC.
  const moment = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00`) : Date.parse(text);
  const isIso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}.*)?$/.test(text);
  if (isIso && !Number.isNaN(moment)) return moment;
  return refuse(`--since ${text}: a time back as 90m, 2h or 3d, or a day as 2026-11-20`);
}

function refuse(message: string): never {
  throw new UserError(message, { exitCode: 2 });
}

/** What Temporal calls the states that are final. */
const STATUSES: Partial<Record<ListedState, readonly string[]>> = {
  completed: ['Completed'],
  failed: ['Failed', 'TimedOut'],
  cancelled: ['Canceled', 'Terminated'],
};

/**
 * The part of a filter that the server can apply, as conditions of its list filter. `isIndexed` says that the namespace has
 * the search attributes of runs; not all runs need to set them.
 */
export function serverConditions({ states, model, since }: RunFilter, isIndexed = false): string[] {
  const statuses = new Set([...(states ?? [])].flatMap((state) => STATUSES[state] ?? ['Running']));
  return [
    statuses.size === 0
      ? // The earlier executions of a run that goes on.
        "ExecutionStatus != 'ContinuedAsNew'"
      : `ExecutionStatus IN (${[...statuses].map((status) => `'${status}'`).join(', ')})`,
    ...(isIndexed ? indexConditions(states, model) : []),
    ...(since === undefined ? [] : [`StartTime >= '${new Date(since).toISOString()}'`]),
  ];
}

/** States of an unfinished run. That no worker answers, a run itself cannot note. */
const UNFINISHED: readonly ListedState[] = ['starting', 'running', 'waiting', 'paused', 'finishing'];

function indexConditions(states: RunFilter['states'], model: string | undefined): string[] {
  const { state: stateName, model: modelName } = SEARCH_ATTRIBUTES;
  const unfinished = UNFINISHED.filter((state) => states?.has(state));
  const isPartOf = (name: string, values: readonly string[]) =>
    `(${name} IS NULL OR ${name} IN (${values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ')}))`;
  const byState = unfinished.length > 0 && states?.has('no-worker') === false;
  return [
    // A run that was terminated has not noted its end.
    ...(byState ? [`(ExecutionStatus != 'Running' OR ${isPartOf(stateName, unfinished)})`] : []),
    ...(model === undefined ? [] : [isPartOf(modelName, [model])]),
  ];
}
