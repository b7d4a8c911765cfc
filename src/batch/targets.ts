import { splitTarget } from './endpoint-rules.js';
import { includesModality, type Modality } from './modality.js';
import { modalityOfModel } from './model-modality.js';
import type { Model } from './models.js';

/** Maximum number of targets that a run divides its items among; those with most nodes. Bounds states and messages. */
export const MAX_TARGETS = 200;

/** How long a target is not asked after a failure that names no wait, ms; doubled with every one in a row. */
const TARGET_COOLING = { first: 5_000, longest: 240_000 };
export const ENDPOINT_COOLING = { first: 1_000, longest: 30_000 };

/** The same for an endpoint that somebody must do something about, while others answer. */
const STOPPED_COOLING = { first: 60_000, longest: 3_600_000 };

/** Characters of an endpoint's words that a target keeps. */
const WHY_LENGTH = 300;

/** A target as a run knows it: facts of the models list, and its health. JSON-safe: it travels in messages. */
export interface Target {
  readonly id: string;
  /** 0 if the newest list does not have it. */
  readonly nodes: number;
  readonly modality: Modality;
  /** Chosen by the user with `-m`: takes every modality and is never left for another. */
  readonly chosen?: boolean;
  /** Named by items, which ask it alone: with that they say that it takes what they have. */
  readonly named?: boolean;
  /** Not asked before this time, epoch ms; 0 when up. Never, for one that is out until a new list has it. */
  readonly downUntil: number;
  /** Times in a row that it was found down. */
  readonly strikes: number;
  /** The endpoint's words when it was found down. */
  readonly why?: string;
  /** Minimum number of times that it is asked again before its items are given up. */
  readonly minTries?: number;
  /** Modalities that it has refused; not asked again in the run. */
  readonly refused: readonly Modality[];
  /** Name of its endpoint, in a run with several. */
  readonly endpoint?: string;
  /** Asked only while no target of a lower order is up; absent in a run with one endpoint. */
  readonly order?: number;
  /** The endpoint's part of the items within its order, in the place of its nodes. */
  readonly weight?: number;
  /** Why its endpoint is of no use until somebody does something; a run with another endpoint goes on there. */
  readonly stopped?: EndpointStop;
}

/** Why an endpoint is of no use until somebody does something: its key, its money, or that no worker knows it. */
export const ENDPOINT_STOPS = ['Unauthorized', 'PaymentRequired', 'WrongEndpoint'] as const;
export type EndpointStop = (typeof ENDPOINT_STOPS)[number];

/** All targets of a run, in the order of the list. */
export type Targets = readonly Target[];

/** `downUntil` of a target that does not exist or cannot chat. */
export const OUT = Number.MAX_SAFE_INTEGER;

function newTarget(model: Model): Target {
  return { ...model, downUntil: 0, strikes: 0, refused: [] };
}

/** Returns the only target of a run with `-m`, which needs no list; with one, node count and modality are the list's. */
export function chosenTarget(id: string, list: readonly Model[] = []): Targets {
  const listed = list.find((model) => model.id === id);
  return [{ ...newTarget(listed ?? { id, nodes: 1, modality: modalityOfModel(id) }), chosen: true }];
}

/** Maximum number of models that the items of an input name: each is a target, in every message about targets. */
export const MAX_NAMED = 100;

/** Adds the models that items name as targets; they stay in the table whatever the list has. */
export function withNamed(targets: Targets, models: readonly string[] = []): Targets {
  if (models.length === 0 || targets.some(({ chosen }) => chosen === true)) return targets;
  const names = new Set(models);
  const known = new Set(targets.map(({ id }) => id));
  const unlisted = models
    .filter((id) => !known.has(id))
    // Without nodes it has no part of the items that name none.
    .map((id) => newTarget({ id, nodes: 0, modality: modalityOfModel(id) }));
  return [
    ...targets.map((target) => (names.has(target.id) ? { ...target, named: true } : target)),
    ...unlisted.map((target) => ({ ...target, named: true })),
  ];
}

/**
 * Returns the targets that items may be asked which name a model: that one (with several endpoints at each that has it), or
 * those that a user has chosen for all. They take what the items have, and need no place in the list.
 */
export function namedTarget(targets: Targets, model: string): Targets {
  return targets
    .filter(({ id, chosen, endpoint }) => {
      return chosen === true || id === model || (endpoint !== undefined && splitTarget(id).model === model);
    })
    .map((target) => ({ ...target, nodes: Math.max(1, target.nodes), chosen: true }));
}

/** Applies a new models list: new targets come in, those that are gone keep their health with 0 nodes. */
export function applyList(targets: Targets, list: readonly Model[]): Targets {
  if (targets.some(({ chosen, endpoint }) => chosen === true && endpoint === undefined)) return targets;
  const kept = mostNodes(list, MAX_TARGETS);
  const listed = new Map(kept.map((model) => [model.id, model]));
  const known = targets.map((target) => withFacts(target, listed.get(target.id) ?? { ...target, nodes: 0 }));
  const ids = new Set(targets.map(({ id }) => id));
  const all = [...known, ...kept.filter(({ id }) => !ids.has(id)).map(newTarget)];
  if (all.length <= MAX_TARGETS) return all;
  // Those that left the list go first, so that a list which keeps changing does not make the table grow.
  const isWanted = ({ nodes, named }: Target): boolean => nodes > 0 || named === true;
  return [
    ...all.filter(({ named }) => named === true),
    ...all.filter((target) => target.named !== true && isWanted(target)),
  ].slice(0, MAX_TARGETS);
}

/** Returns the models with most nodes, as many as `count`, in the order of the list. */
export function mostNodes(list: readonly Model[], count: number): readonly Model[] {
  if (list.length <= count) return list;
  const most = new Set([...list].sort((a, b) => b.nodes - a.nodes).slice(0, count));
  return list.filter((model) => most.has(model));
}

/** Returns what a person should be told of a list that is too long for a run. */
export function notesOfList(list: readonly Model[]): readonly string[] {
  if (list.length <= MAX_TARGETS) return [];
  return [`the endpoint lists more than ${MAX_TARGETS} models: the items are divided among those with most nodes`];
}

function withFacts(target: Target, { nodes, modality }: Pick<Target, 'nodes' | 'modality'>): Target {
  // A list that has a target again is worth one more try.
  const isBack = target.downUntil === OUT && target.nodes === 0 && nodes > 0;
  return { ...target, nodes, modality, ...(isBack ? { downUntil: 0 } : {}) };
}

/** Applies another's facts of the list, and keeps what was seen here of the targets that both have. */
export function adoptTargets(own: Targets, others: Targets): Targets {
  const seen = new Map(own.map((target) => [target.id, target]));
  return others.map((target) => {
    const known = seen.get(target.id);
    if (known === undefined) return target;
    const { chosen: _ours, named: _too, ...health } = withFacts(known, target);
    const { chosen, named } = target;
    return { ...health, ...(chosen === true ? { chosen } : {}), ...(named === true ? { named } : {}) };
  });
}

/** `minTries` of a target that is waited for as long as the run may. */
export const ANY_TRIES = 1_000_000;

/** How a target was found down. */
export interface Downtime {
  /** Epoch ms. */
  readonly now: number;
  /** The endpoint's words. */
  readonly why: string;
  /** Time that the endpoint or the worker's circuit breaker asks for, ms. */
  readonly waitMs?: number | undefined;
  /** Minimum number of times that the target is asked again before its items are given up. */
  readonly minTries: number;
}

/** Marks a target as cooling. Without a time of its own 5 s, doubled with every time in a row. */
export function coolTarget(targets: Targets, id: string, downtime: Downtime): Targets {
  return changeTarget(targets, id, (target) => cooled(target, downtime, TARGET_COOLING));
}

/** Marks all targets of a target's endpoint as cooling, since it cannot be reached. */
export function coolEndpoint(targets: Targets, id: string, downtime: Downtime): Targets {
  return changeEndpoint(targets, id, (target) => cooled(target, downtime, ENDPOINT_COOLING));
}

/** Marks all targets of a target's endpoint as stopped: asked again now and then, in case somebody has mended it. */
export function stopEndpoint(targets: Targets, id: string, stopped: EndpointStop, downtime: Downtime): Targets {
  return changeEndpoint(targets, id, (target) => ({ ...cooled(target, downtime, STOPPED_COOLING), stopped }));
}

/** Returns true if no target for a modality is left that answers without somebody doing something first. */
export function isEveryStopped(targets: Targets, modality: Modality): boolean {
  return targets.every(
    (target) => target.stopped !== undefined || target.downUntil === OUT || !takes(target, modality),
  );
}

function changeEndpoint(targets: Targets, id: string, change: (target: Target) => Target): Targets {
  const endpoint = targets.find((target) => target.id === id)?.endpoint;
  return targets.map((target) => (target.endpoint === endpoint ? change(target) : target));
}

function cooled(target: Target, { now, why, waitMs, minTries }: Downtime, cooling: typeof TARGET_COOLING): Target {
  // A pack that ran while another one found the target down is no further strike.
  if (target.downUntil > now && waitMs === undefined) return target;
  const wait = waitMs ?? Math.min(cooling.first * 2 ** target.strikes, cooling.longest);
  const downUntil = Math.max(target.downUntil, now + wait);
  return { ...target, downUntil, strikes: target.strikes + 1, why: why.slice(0, WHY_LENGTH), minTries };
}

/** Takes a target out until a new list has it: it does not exist, or cannot chat. */
export function dropTarget(targets: Targets, id: string, why: string): Targets {
  return changeTarget(targets, id, (target) => ({ ...target, downUntil: OUT, why: why.slice(0, WHY_LENGTH) }));
}

/** Lets targets that were out be asked once more: somebody may have mended what they were out for. */
export function reopenTargets(targets: Targets): Targets {
  return targets.map(({ stopped, ...target }) =>
    target.downUntil === OUT || stopped !== undefined ? { ...target, downUntil: 0 } : target,
  );
}

/** Marks a target as up after an answer. Returns the same table if it was up. */
export function reviveTarget(targets: Targets, id: string): Targets {
  if (!targets.some((target) => target.id === id && (target.strikes > 0 || target.downUntil > 0))) return targets;
  return changeTarget(targets, id, ({ why: _gone, minTries: _over, stopped: _mended, ...target }) => ({
    ...target,
    downUntil: 0,
    strikes: 0,
  }));
}

/** Marks a modality as refused by a target. */
export function refuseModality(targets: Targets, id: string, modality: Modality, why: string): Targets {
  return changeTarget(targets, id, (target) =>
    target.refused.includes(modality)
      ? target
      : { ...target, refused: [...target.refused, modality], why: why.slice(0, WHY_LENGTH) },
  );
}

function changeTarget(targets: Targets, id: string, change: (target: Target) => Target): Targets {
  return targets.map((target) => (target.id === id ? change(target) : target));
}

/**
 * Returns the targets that a modality is divided among, up or not. A vision or audio model takes text as well; a model
 * made for audio gets text only if there is no other.
 */
export function takers(targets: Targets, modality: Modality): Targets {
  const able = targets.filter((target) => target.nodes > 0 && takes(target, modality));
  if (modality !== 'text') return able;
  const preferred = able.filter((target) => target.chosen === true || target.modality !== 'audio');
  return preferred.length > 0 ? preferred : able;
}

/** Returns the targets that may be asked for a modality at `now`, most nodes first. */
export function candidates(targets: Targets, modality: Modality, now: number): Targets {
  const up = targets.filter((target) => target.nodes > 0 && isUp(target, now) && takes(target, modality));
  const preferred = new Set(takers(targets, modality));
  const first = up.filter((target) => preferred.has(target));
  return [...(first.length > 0 ? first : up)].sort((a, b) => b.nodes - a.nodes);
}

/** Returns true if some target could take the modality once it is up: waiting has a point. */
export function canServe(targets: Targets, modality: Modality): boolean {
  return targets.some((target) => takes(target, modality) && target.downUntil !== OUT);
}

/** Returns the targets of the lowest order among these. */
export function ofLowestOrder(targets: Targets): Targets {
  const lowest = Math.min(...targets.map(orderOf));
  return targets.filter((target) => orderOf(target) === lowest);
}

/** Returns the order of a target. */
export function orderOf({ order = 1 }: Target): number {
  return order;
}

/**
 * Returns by how much items are divided among targets: by nodes, or by the weight of an endpoint that has one, which its
 * targets among these share by their nodes.
 */
export function weightsOf(targets: Targets): number[] {
  const nodesOf = new Map<string | undefined, number>();
  for (const { endpoint, nodes } of targets) nodesOf.set(endpoint, (nodesOf.get(endpoint) ?? 0) + nodes);
  return targets.map(({ endpoint, nodes, weight }) =>
    weight === undefined ? nodes : (weight * nodes) / Math.max(1, nodesOf.get(endpoint) ?? 0),
  );
}

/** Returns when the next target for a modality may be asked, epoch ms; undefined if none ever may as things stand. */
export function nextUp(targets: Targets, modality: Modality): number | undefined {
  const times = targets
    .filter((target) => target.nodes > 0 && target.downUntil !== OUT && takes(target, modality))
    .map(({ downUntil }) => downUntil);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Returns true if a target may be asked at `now`. */
export function isUp({ downUntil }: Target, now: number): boolean {
  return downUntil <= now;
}

function takes(target: Target, modality: Modality): boolean {
  return isMadeFor(target, modality) && !target.refused.some((refused) => isPartOf(refused, modality));
}

/** Who takes no pictures takes no pictures and sounds together either. */
function isPartOf(refused: Modality, modality: Modality): boolean {
  return refused === modality || (refused !== 'text' && includesModality(modality, refused));
}

/** Returns true if a target takes a modality, unless it has refused it. */
export function isMadeFor(target: Target, modality: Modality): boolean {
  return target.chosen === true || includesModality(target.modality, modality);
}
