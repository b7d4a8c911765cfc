import { z } from 'zod';
import type { ApiName } from '../batch/api.js';
import { joinModalities, type MediaModality, type Modality } from '../batch/modality.js';
import { modalityOfModel } from '../batch/model-modality.js';
import type { Model } from '../batch/models.js';
import { countFrom } from '../batch/numbers.js';
import { canBeAsked } from './chat-models.js';
import { DriaError } from './errors.js';
import { isObject, type JsonObject } from './json.js';

/** Entries of a list, characters of an id and nodes of a model that are believed: more is a mistake, or worse. */
export const MAX_ENTRIES = 10_000;
const MAX_ID_LENGTH = 256;
const MAX_NODES = 1_000_000;

const entrySchema = z.looseObject({ id: z.string().trim().min(1).max(MAX_ID_LENGTH) });

/** An entry of a models list. */
export type ListEntry = z.output<typeof entrySchema>;

const listSchema = z.union([
  z.array(z.unknown()),
  z.looseObject({ data: z.array(z.unknown()) }).transform(({ data }) => data),
  z.looseObject({ models: z.array(z.unknown()) }).transform(({ models }) => models),
]);

/**
 * Reads a models list in OpenAI's form, with what several servers add to it: node counts and modalities under the names
 * below, in the entry or in its `metadata`. Left out are entries without an id or with one of more than 256 characters,
 * models with 0 nodes, models that cannot be asked by `api`, and what comes after 10,000 entries; an id that is listed more than once is
 * one model with the nodes of all. Throws `BadResponse` when it is no such list.
 */
export function parseModels(body: unknown, api: ApiName = 'chat'): Model[] {
  const list = listSchema.safeParse(body);
  const entries = listEntries(body);
  if (!list.success || (entries.length === 0 && list.data.length > 0)) {
    throw new DriaError({ code: 'BadResponse', status: 200, message: 'the answer is not a list of models' });
  }
  const models = new Map<string, Model>();
  for (const model of entries.filter((entry) => canBeAsked(api, entry.id, entry)).map(readModel)) {
    const seen = models.get(model.id);
    models.set(model.id, seen === undefined ? model : merge(seen, model));
  }
  return [...models.values()].filter(({ nodes }) => nodes > 0);
}

/** Returns the number of entries of a models list, those that are not read included. */
export function countEntries(body: unknown): number {
  return listSchema.safeParse(body).data?.length ?? 0;
}

/** Returns the entries of a models list that have an id; none for a body that is no list. */
export function listEntries(body: unknown): ListEntry[] {
  return (listSchema.safeParse(body).data ?? [])
    .slice(0, MAX_ENTRIES)
    .flatMap((entry) => entrySchema.safeParse(entry).data ?? []);
}

function readModel(entry: ListEntry): Model {
  const metadata = isObject(entry.metadata) ? entry.metadata : {};
  return {
    id: entry.id,
    nodes: nodesIn(entry) ?? nodesIn(metadata) ?? 1,
    modality: modalityIn(entry) ?? modalityIn(metadata) ?? modalityOfModel(entry.id),
  };
}

function merge(a: Model, b: Model): Model {
  return {
    id: a.id,
    nodes: Math.min(a.nodes + b.nodes, MAX_NODES),
    modality: joinModalities([a.modality, b.modality]),
  };
}

const NODE_FIELDS = ['nodes', 'node_count', 'nodeCount', 'num_nodes', 'available_nodes', 'active_nodes'];

/** Returns the node count in an entry's fields. */
export function nodesIn(fields: JsonObject): number | undefined {
  return NODE_FIELDS.map((name) => nodeCount(fields[name])).find((count) => count !== undefined);
}

/** A count as a number, as digits, or as the list of the nodes themselves. */
function nodeCount(value: unknown): number | undefined {
  if (Array.isArray(value)) return Math.min(value.length, MAX_NODES);
  return countFrom(value, MAX_NODES);
}

const MODALITY_FIELDS = ['modality', 'modalities', 'type', 'capabilities', 'input_modalities'];

/** What all fields name together; text when they name only that; undefined when none names anything. */
export function modalityIn(fields: JsonObject): Modality | undefined {
  const architecture = isObject(fields.architecture) ? fields.architecture : {};
  const values = [...MODALITY_FIELDS.map((name) => fields[name]), architecture.input_modalities];
  return modalityNamed(values.flatMap((value) => words(value)));
}

/** What a field says, as words in lower case: a string, a list of strings, or an object of flags (`{"vision": true}`). */
function words(value: unknown): string[] {
  if (typeof value === 'string') return inputWords(value.toLowerCase());
  if (Array.isArray(value)) return value.flatMap((entry: unknown) => (typeof entry === 'string' ? words(entry) : []));
  if (!isObject(value)) return [];
  return Object.keys(value).flatMap((name) => (value[name] ? words(name) : []));
}

/** Only what goes in counts: the left side of `text+image->text` or `image-text-to-text`, and nothing of `audio_output`. */
function inputWords(text: string): string[] {
  if (/output|generat|synthesis|search|upload/.test(text)) return [];
  const [input = ''] = text.split(/->|[-_ ]to[-_ ]/);
  return input.split(/[^a-z]+/);
}

const AUDIO_WORDS = new Set(['audio', 'sound', 'speech', 'voice']);
const VISION_WORDS = new Set(['vision', 'visual', 'image', 'images', 'picture', 'video', 'multimodal', 'vlm', 'vl']);
/** OpenRouter's lists say `file` of models that take PDFs. */
const DOCUMENT_WORDS = new Set(['document', 'documents', 'pdf', 'pdfs', 'file', 'files']);

const WORDS: ReadonlyMap<MediaModality, ReadonlySet<string>> = new Map([
  ['vision', VISION_WORDS],
  ['audio', AUDIO_WORDS],
  ['document', DOCUMENT_WORDS],
]);

function modalityNamed(named: readonly string[]): Modality | undefined {
  const media = [...WORDS].filter(([, words]) => named.some((word) => words.has(word))).map(([modality]) => modality);
  if (media.length > 0) return joinModalities(media);
  return named.includes('text') ? 'text' : undefined;
}
