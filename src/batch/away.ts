import { type Away, type BatchState, withNews } from './batch-state.js';
import { firstCredits } from './credits.js';
import type { Listing } from './endpoint-rules.js';
import type { Model } from './models.js';
import type { EndpointWait } from './progress.js';
import type { ManifestFacts } from './run.js';
import { applyList, ENDPOINT_COOLING, notesOfList, type Targets } from './targets.js';

/** What an endpoint was asked for before the first request, and has given. */
export interface EndpointFacts {
  /** Absent if the list was not given, or is not needed. */
  readonly models?: readonly Model[];
  readonly balance?: number;
  /** Why something that is needed was not given. */
  readonly away?: string;
  /** Why some of several endpoints have no models, a sentence each. */
  readonly notes?: readonly string[];
}

/** What an endpoint is asked for before a run's first request. */
export interface Needs extends Listing {
  /** The list of models; a run with a chosen model at one endpoint needs none. */
  readonly models: boolean;
  /** The balance. Only a run with a limit in credits needs it: many keys may chat and not read it. */
  readonly balance: boolean;
}

/** Returns what a run still needs of its endpoint before its first request. */
export function needsOf({ targets, options, credits, manifest }: BatchState): Needs {
  const { endpoints, model, api, maxCredits, maxCost, prefer } = options;
  const models = endpoints === undefined ? needsList(targets, manifest) : targets.length === 0;
  const balance = maxCredits !== undefined && credits === undefined;
  return { models, balance, endpoints, model, api, maxCost, prefer };
}

/** Models that items name are targets without a list, of these items alone. */
function needsList(targets: Targets, { areAllNamed }: ManifestFacts): boolean {
  if (targets.some(({ chosen }) => chosen === true) || areAllNamed === true) return false;
  return targets.every(({ named, nodes }) => named === true && nodes === 0);
}

/** Returns true if some of a run's endpoints have no target yet. */
export function lacksEndpoint({ targets, options }: BatchState): boolean {
  const known = new Set(targets.map(({ endpoint }) => endpoint));
  return options.model === undefined && (options.endpoints ?? []).some(({ name }) => !known.has(name));
}

/** Applies what an endpoint has given at `now`, epoch ms; if something is still missing, the run waits for it. */
export function withFacts(
  state: BatchState,
  { models, balance, away, notes = [] }: EndpointFacts,
  now: number,
): BatchState {
  const { credits } = state;
  const listed = needsOf(state).models && models !== undefined ? withList(state, models, notes) : state;
  const known: BatchState = {
    ...listed,
    ...(credits === undefined && balance !== undefined ? { credits: firstCredits(balance) } : {}),
  };
  const { since = now, tries = -1, text = NO_MODELS } = state.away ?? {};
  const wait = Math.min(ENDPOINT_COOLING.first * 2 ** (tries + 1), ENDPOINT_COOLING.longest);
  return whileNeeded({ ...known, away: { text: away ?? text, since, tries: tries + 1, until: now + wait } });
}

function withList(state: BatchState, models: readonly Model[], notes: readonly string[]): BatchState {
  const targets = applyList(state.targets, models);
  return withNews({ ...state, targets }, { lastFailures: [], notes: [...notesOfList(models), ...notes] });
}

const NO_MODELS = 'the endpoint lists no models';

/** Returns the state without a wait for the endpoint if nothing is missing any more. */
export function whileNeeded(state: BatchState): BatchState {
  const needs = needsOf(state);
  if (needs.models || needs.balance) return state;
  const { away: _over, ...rest } = state;
  return rest;
}

/** Returns when a run gives up waiting for its endpoint, epoch ms. A pause does not count. */
export function awayDeadline({ options, resumedAt = 0 }: BatchState, { since }: Away): number {
  return Math.max(since, resumedAt) + options.maxWaitSecs * 1000;
}

/** Returns the wait as progress shows it. */
export function awayWait(state: BatchState, away: Away): EndpointWait {
  return { text: away.text, since: away.since, until: Math.min(away.until, awayDeadline(state, away)) };
}
