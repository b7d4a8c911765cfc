import { z } from 'zod';
import { MODALITIES, type Modality } from '../batch/modality.js';
import { latencySchema } from './latency.js';

/** The models of Dria's node registry with node counts of our own making. */
const REGISTRY: readonly (readonly [id: string, modality: Modality, nodes: number])[] = [
  ['lfm2.5:1.2b', 'text', 24],
  ['lfm2:24b-a2b', 'text', 9],
  ['nanbeige:3b', 'text', 12],
  ['locooperator:4b', 'text', 8],
  ['nemotron:30b-a3b', 'text', 6],
  ['qwen3.5:0.8b', 'vision', 30],
  ['qwen3.5:2b', 'vision', 22],
  ['qwen3.5:9b', 'vision', 16],
  ['qwen3.5:27b', 'vision', 7],
  ['qwen3.5:35b-a3b', 'vision', 5],
  ['lfm2.5-vl:1.6b', 'vision', 14],
  ['lfm2.5-audio:1.5b', 'audio', 10],
];

/** A model of the simulated network. Without a modality: that of Dria's registry, else text. */
export const simulatedModelSchema = z
  .strictObject({
    id: z.string().min(1),
    /** 0: listed, but every request gets a 503. */
    nodes: z.number().int().nonnegative(),
    /** Such as `vision+document` for one that takes pictures and PDFs. */
    modality: z.enum(MODALITIES).optional(),
    /** Instead of the network's own. */
    latency: latencySchema.optional(),
    /** Tokens of prompt and answer together, instead of the network's own. */
    context: z.number().int().positive().optional(),
  })
  .transform((model) => ({ ...model, modality: model.modality ?? knownModality(model.id) }));
export type SimulatedModel = z.output<typeof simulatedModelSchema>;

/** The network as it is when nothing else is asked for. */
export const DEFAULT_MODELS: readonly SimulatedModel[] = REGISTRY.map(([id, modality, nodes]) => ({
  id,
  modality,
  nodes,
}));

function knownModality(id: string): Modality {
  return REGISTRY.find(([known]) => known === id)?.[1] ?? 'text';
}

/** The models that are there now; they may change while the simulator runs. */
export class ModelRegistry {
  readonly #models = new Map<string, SimulatedModel>();

  constructor(models: readonly SimulatedModel[]) {
    this.merge(models);
  }

  get(id: string): SimulatedModel | undefined {
    return this.#models.get(id);
  }

  list(): readonly SimulatedModel[] {
    return [...this.#models.values()];
  }

  /** Adds models, and changes those whose id is there already. */
  merge(models: readonly SimulatedModel[]): void {
    for (const model of models) this.#models.set(model.id, model);
  }

  /** These models and no others from now on. */
  replace(models: readonly SimulatedModel[]): void {
    this.#models.clear();
    this.merge(models);
  }
}

/** Names of the fields that Dria's documentation leaves open; `a.b` puts the field one level down. */
export interface ModelFields {
  readonly nodesField: string;
  readonly modalityField?: string | undefined;
}

/** An entry of the models list. */
export type ModelEntry = { readonly id: string; readonly [field: string]: unknown };

/** Returns the entries of `GET /v1/models` in OpenAI's form, with the node count, and the modality if it has a field. */
export function modelEntries(models: readonly SimulatedModel[], fields: ModelFields): ModelEntry[] {
  return models.map((model) => {
    const entry = { id: model.id, object: 'model', created: 0, owned_by: 'dria-simulator' };
    setField(entry, fields.nodesField, model.nodes);
    if (fields.modalityField !== undefined) setField(entry, fields.modalityField, model.modality);
    return entry;
  });
}

function setField(entry: Record<string, unknown>, field: string, value: unknown): void {
  const dot = field.indexOf('.');
  if (dot < 0) {
    entry[field] = value;
    return;
  }
  const outer = field.slice(0, dot);
  const inner = entry[outer];
  entry[outer] = { ...(typeof inner === 'object' ? inner : {}), [field.slice(dot + 1)]: value };
}
