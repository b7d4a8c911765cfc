import type { ItemFailure, PackFailureType, PackResult } from './activity-contract.js';
import {
  addChunkNote,
  type ChunkState,
  giveItems,
  type Pack,
  type RunStop,
  targetsFor,
  targetsOf,
  type Wait,
} from './chunk-state.js';
import { addCounts, type Counts, countModel } from './counts.js';
import { countItems } from './item-ranges.js';
import { addOpen, type OpenItems } from './open-items.js';
import {
  ANY_TRIES,
  canServe,
  coolEndpoint,
  coolTarget,
  type Downtime,
  dropTarget,
  type EndpointStop,
  isEveryStopped,
  isMadeFor,
  namedTarget,
  nextUp,
  OUT,
  refuseModality,
  reviveTarget,
  stopEndpoint,
} from './targets.js';

/** Wait before an item's first retry, ms; doubled with every further attempt by the retry policy. */
export const FIRST_RETRY_MS = 1_000;

/** Longest wait between two attempts, ms. */
export const MAX_RETRY_MS = 60_000;

/** Maximum number of times that items go out again after their pack was lost with its worker. */
const MAX_LOSSES = 3;

/** Failures that a chunk remembers. */
const REMEMBERED = 5;

/** When a pack was started and ended, epoch ms, and whether an item of the run had been answered by then. */
export interface PackTimes {
  readonly startedAt: number;
  readonly now: number;
  readonly isAnswered: boolean;
}

/** A failure that an `infer` threw, with what the pack has done. */
export interface PackFailure {
  readonly type: PackFailureType;
  readonly message: string;
  readonly result: PackResult;
}

/** Applies the result of a pack: counts its outcomes, and opens what it hands back. */
export function settlePack(state: ChunkState, pack: Pack, result: PackResult, now: number): ChunkState {
  const { counts, failed, refused, misfits = '', open, waitMs = FIRST_RETRY_MS } = result;
  const counted = countResult(state, pack, result);
  const handedBack = countItems(failed) + countItems(refused) + countItems(misfits) + countItems(open);
  const given = giveItems(releaseTokens(counted, pack), pack, -handedBack);
  const { retryAt, reread: _read, ...history } = historyOf(pack);
  const again = retryAt === undefined ? {} : { retryAt: now };
  const groups: OpenItems[] = [
    { ...history, items: open, ...again },
    { ...history, items: refused, refusedBy: [...pack.refusedBy, pack.target] },
    // Another worker may ask them, and must know what they have had.
    { ...history, items: misfits, misfitOf: [...new Set([...(pack.misfitOf ?? []), pack.target])], reread: true },
    { ...history, items: failed, retryAt: now + waitMs },
  ];
  const answered = counts.ok > 0 ? answeredBy(given, pack.target) : given;
  return { ...answered, open: groups.reduce(addOpen, answered.open) };
}

/** Applies a failure that ended a pack early. The items that it hands back wait for a target that can answer. */
export function settleFailure(
  state: ChunkState,
  pack: Pack,
  { type, message, result }: PackFailure,
  { now, startedAt, isAnswered }: PackTimes,
): ChunkState {
  // The wait is the target's: another one may take the items that have failed at it before that.
  const { waitMs, ...done } = result;
  const settled = settlePack(state, pack, done, now);
  const { targets } = settled;
  const down = { now, why: message, waitMs };
  switch (type) {
    case 'NoNodesAvailable': {
      // One that names a time is asked again after it, however few retries the run has.
      const minTries = waitMs !== undefined && result.counts.requests > 0 ? 1 : 0;
      return { ...settled, targets: coolTarget(targets, pack.target, { ...down, minTries }) };
    }
    case 'TargetUnavailable':
    case 'RateLimited':
      return { ...settled, targets: coolTarget(targets, pack.target, { ...down, minTries: ANY_TRIES }) };
    case 'ModelUnavailable': {
      const dropped = dropTarget(targets, pack.target, message);
      // Nobody is left to answer, and nobody has: that is the run's setting, and no fault of its items.
      const isAll = !isAnswered && dropped.every(({ downUntil }) => downUntil === OUT);
      const stop: RunStop = { type: 'AllRefused', message, askedAt: startedAt };
      return { ...settled, targets: dropped, ...(isAll ? { stop } : {}) };
    }
    case 'ModalityRefused':
      return { ...settled, targets: refuseModality(targets, pack.target, pack.modality, message) };
    case 'EndpointUnavailable':
      return { ...settled, targets: coolEndpoint(targets, pack.target, { ...down, minTries: ANY_TRIES }) };
    case 'Unauthorized':
    case 'PaymentRequired':
    case 'WrongEndpoint':
      return settleStop(settled, pack, { type, message, askedAt: startedAt }, down);
    case 'AllRefused':
      return { ...settled, stop: { type, message, askedAt: startedAt } };
    default:
      // Its policy has given up, since its workers died too often: what is left goes out as a new pack.
      return settled;
  }
}

/** Applies that an endpoint is of no use until somebody does something: the run stops for it only if no other is left. */
function settleStop(
  state: ChunkState,
  { target, modality }: Pack,
  stop: RunStop & { readonly type: EndpointStop },
  down: Pick<Downtime, 'now' | 'why' | 'waitMs'>,
): ChunkState {
  const { endpoint } = state.targets.find(({ id }) => id === target) ?? {};
  if (endpoint === undefined) return { ...state, stop };
  const targets = stopEndpoint(state.targets, target, stop.type, { ...down, minTries: ANY_TRIES });
  return { ...state, targets, ...(isEveryStopped(targets, modality) ? { stop } : {}) };
}

/** Applies the loss of a pack: what its worker has recorded is looked for when its items go out again. */
export function losePack(state: ChunkState, pack: Pack): ChunkState {
  return reopen(state, { ...pack, losses: pack.losses + 1 });
}

/** Applies the end of a pack that was taken back before it could return what it has done. */
export function withdrawPack(state: ChunkState, pack: Pack): ChunkState {
  return reopen(state, pack);
}

function reopen(state: ChunkState, pack: Pack): ChunkState {
  const given = giveItems(releaseTokens(state, pack), pack, -countItems(pack.items));
  return { ...given, open: addOpen(given.open, { ...historyOf(pack), reread: true }) };
}

/** Items that must end in an error, since nobody can answer them or the wait was too long. */
export interface HopelessItems {
  readonly items: OpenItems;
  readonly failure: Omit<ItemFailure, 'item'>;
}

/** Returns the open items that no target will ever take as things stand, or that were lost too often. */
export function findHopeless(state: ChunkState): readonly HopelessItems[] {
  return state.open.flatMap((items) => {
    if (items.losses > MAX_LOSSES) {
      return [{ items, failure: { target: '', error: 'timeout: the worker was lost too often' } }];
    }
    return canServe(targetsOf(state.targets, items), items.modality)
      ? []
      : [{ items, failure: lastWords(state, items) }];
  });
}

/** Returns all open items that no target can be asked about now: the wait for one was too long. */
export function findWaiting(state: ChunkState, now: number): readonly HopelessItems[] {
  return state.open
    .filter((items) => targetsFor(state, items, now).length === 0)
    .map((items) => ({ items, failure: lastWords(state, items) }));
}

function nobodyTakes({ modality, model }: OpenItems): string {
  return model === undefined ? `no model takes ${modality}` : `${model} does not take ${modality}`;
}

/** The endpoint's newest words about a target that could have taken the items, as an output line's error has them. */
function lastWords(state: ChunkState, items: OpenItems): Omit<ItemFailure, 'item'> {
  const { modality, model, refusedBy } = items;
  const own = model === undefined ? state.targets : namedTarget(state.targets, model);
  const able = own.filter((target) => target.why !== undefined && isMadeFor(target, modality));
  const last = able.find(({ id }) => id === refusedBy.at(-1)) ?? able.at(-1);
  if (last?.why === undefined) return { target: '', error: `503: ${nobodyTakes(items)}` };
  return { target: last.id, error: last.why };
}

/** Applies how hopeless items ended; their outcomes have been recorded. */
export function settleHopeless(state: ChunkState, { items, failure }: HopelessItems, counts: Counts): ChunkState {
  const first = { item: Number.parseInt(items.items, 10), ...failure };
  return {
    ...state,
    counts: addCounts(state.counts, counts),
    lastFailures: [...state.lastFailures, first].slice(-REMEMBERED),
    open: state.open.filter((other) => other !== items),
  };
}

/** Returns the wait of a chunk none of whose open items can be asked about now; undefined if some can, or none is open. */
export function waitOf(state: ChunkState, now: number): Wait | undefined {
  const stuck = state.open.filter((items) => targetsFor(state, items, now).length === 0);
  if (stuck.length === 0 || stuck.length < state.open.length) return undefined;
  const waitedFor = state.targets.filter((target) =>
    stuck.some((items) => nextUp(targetsOf([target], items), items.modality) !== undefined),
  );
  const until = waitedFor.length === 0 ? now + MAX_RETRY_MS : Math.min(...waitedFor.map(({ downUntil }) => downUntil));
  const { since = now, tries = 0 } = state.wait ?? {};
  const nobody = [...new Set(stuck.map(nobodyTakes))].join('; ');
  const text = waitedFor.find(({ why }) => why !== undefined)?.why ?? `${nobody} now`;
  const minTries = Math.max(0, ...waitedFor.map((target) => target.minTries ?? 0));
  return { text, since, until, tries, minTries };
}

function answeredBy(state: ChunkState, target: string): ChunkState {
  const { wait: _over, ...rest } = state;
  return { ...rest, targets: reviveTarget(state.targets, target) };
}

function countResult(state: ChunkState, { target }: Pack, result: PackResult): ChunkState {
  const newest = result.lastFailures.filter(({ item }) => state.lastFailures.every((known) => known.item !== item));
  const counts = addCounts(state.counts, result.counts);
  return {
    ...state,
    counts: countModel(counts, target, {}),
    lastFailures: [...state.lastFailures, ...newest].slice(-REMEMBERED),
    notes: result.notes.reduce(addChunkNote, state).notes,
  };
}

function releaseTokens(state: ChunkState, { tokens = 0 }: Pack): ChunkState {
  return { ...state, reserved: Math.max(0, state.reserved - tokens) };
}

function historyOf({ modality, model, items, refusedBy, misfitOf, retryAt, reread, losses }: Pack): OpenItems {
  return {
    modality,
    ...(model === undefined ? {} : { model }),
    items,
    refusedBy,
    losses,
    ...(misfitOf === undefined ? {} : { misfitOf }),
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(reread === undefined ? {} : { reread }),
  };
}
