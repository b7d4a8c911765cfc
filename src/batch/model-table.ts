import type { Weighted } from './allocation.js';
import type { Modality } from './modality.js';
import type { Model } from './models.js';

/** How long a model is not asked after a 503, ms; doubled with every 503 in a row up to the maximum. */
const DOWN_MS = 15_000;
const DOWN_MAX_MS = 240_000;

/** A model as a run knows it: the list's facts and what the run has seen. JSON-safe: it travels in messages. */
export interface ModelState {
  readonly id: string;
  /** 0 when the newest list does not have the model. */
  readonly nodes: number;
  readonly modality: Modality;
  /** Chosen by the user with `-m`: takes every modality and is never left for another. */
  readonly chosen?: boolean;
  /** Not asked before this time, epoch ms; 0 when up. */
  readonly downUntil: number;
  /** 503 answers in a row. */
  readonly strikes: number;
  /** When the run last saw it go down or come up, epoch ms: of two records the newer one is right. */
  readonly learntAt: number;
  /** Modalities that the model has refused with a 400; not asked again in the run. */
  readonly refused: readonly Modality[];
}

/** All models of a run, in the order of the list. */
export type ModelTable = readonly ModelState[];

/** A model that a run has not seen anything of yet. */
function newModel(model: Model): ModelState {
  return { ...model, downUntil: 0, strikes: 0, learntAt: 0, refused: [] };
}

/** The table with only the model that the user chose; the list's node count when the list has it. */
export function chosenModel(id: string, list: readonly Model[]): ModelTable {
  const listed = list.find((model) => model.id === id);
  return [{ ...newModel(listed ?? { id, nodes: 1, modality: 'text' }), chosen: true }];
}

/** The table after a new look at the list: new models come in, models that are gone keep their record with 0 nodes. */
export function refreshModels(table: ModelTable, list: readonly Model[]): ModelTable {
  if (table.some(({ chosen }) => chosen === true)) return table;
  const listed = new Map(list.map((model) => [model.id, model]));
  const known = table.map((state) => ({ ...state, nodes: 0, ...listed.get(state.id) }));
  const ids = new Set(table.map(({ id }) => id));
  return [...known, ...list.filter(({ id }) => !ids.has(id)).map(newModel)];
}

/** The table after a 503 from a model at `now`, epoch ms. */
export function markDown(table: ModelTable, id: string, now: number): ModelTable {
  return table.map((state) => {
    // A pack that was under way when another one found the model down is no further strike.
    if (state.id !== id || state.downUntil > now) return state;
    const wait = Math.min(DOWN_MS * 2 ** state.strikes, DOWN_MAX_MS);
    return { ...state, downUntil: now + wait, strikes: state.strikes + 1, learntAt: now };
  });
}

/**
 * The table after a good answer from a model at `now`. The same object when nothing changes: a late answer of a model
 * that was found down since then does not call it up.
 */
export function markUp(table: ModelTable, id: string, now: number): ModelTable {
  if (!table.some((state) => state.id === id && state.strikes > 0 && state.downUntil <= now)) return table;
  return table.map((state) => (state.id === id ? { ...state, downUntil: 0, strikes: 0, learntAt: now } : state));
}

/** The table in which every model may be asked again: after a wait with no model left. */
export function clearDown(table: ModelTable): ModelTable {
  return table.map((state) => ({ ...state, downUntil: 0 }));
}

/** The table after a model refused a modality. */
export function markRefused(table: ModelTable, id: string, modality: Modality): ModelTable {
  return table.map((state) =>
    state.id === id && !state.refused.includes(modality) ? { ...state, refused: [...state.refused, modality] } : state,
  );
}

/**
 * What one table has learnt joined with another's: of each model whatever was seen last, and all refusals. Node counts
 * are the first's; models that only the other has come after the first's.
 */
export function mergeModels(table: ModelTable, other: ModelTable): ModelTable {
  const others = new Map(other.map((state) => [state.id, state]));
  const ids = new Set(table.map(({ id }) => id));
  const merged = table.map((state) => {
    const seen = others.get(state.id);
    return seen === undefined ? state : mergeModel(state, seen);
  });
  return [...merged, ...other.filter(({ id }) => !ids.has(id))];
}

function mergeModel(state: ModelState, seen: ModelState): ModelState {
  const refused = [...new Set([...state.refused, ...seen.refused])];
  const { downUntil, strikes, learntAt } = newerRecord(state, seen);
  return { ...state, downUntil, strikes, learntAt, refused };
}

function newerRecord(a: ModelState, b: ModelState): ModelState {
  if (a.learntAt !== b.learntAt) return a.learntAt > b.learntAt ? a : b;
  // The same knowledge, but one has been allowed to ask again: so may the other.
  return a.downUntil <= b.downUntil ? a : b;
}

/** True when two tables say the same of the same models, in the same order. */
export function sameModels(a: ModelTable, b: ModelTable): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * The models that may be asked for a modality at `now`, best first: most nodes, then the order of the list.
 * A vision or audio model takes text as well; a model made for audio gets text only when nothing else is up.
 */
export function candidates(table: ModelTable, modality: Modality, now: number): ModelState[] {
  const up = table.filter((state) => isUp(state, now) && takes(state, modality));
  const preferred = modality === 'text' ? up.filter((state) => state.chosen || state.modality !== 'audio') : up;
  return [...(preferred.length > 0 ? preferred : up)].sort((a, b) => b.nodes - a.nodes);
}

/** The candidates with their nodes as weights. */
export function weights(table: ModelTable, modality: Modality, now: number): Weighted[] {
  return candidates(table, modality, now).map(({ id, nodes }) => ({ model: id, weight: nodes }));
}

/** True when some model of the run could take the modality if it were up: waiting has a point. */
export function servesModality(table: ModelTable, modality: Modality): boolean {
  return table.some((state) => takes(state, modality));
}

function isUp(state: ModelState, now: number): boolean {
  return state.nodes > 0 && state.downUntil <= now;
}

function takes(state: ModelState, modality: Modality): boolean {
  if (state.refused.includes(modality)) return false;
  return state.chosen === true || modality === 'text' || state.modality === modality;
}
