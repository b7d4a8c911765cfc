import { z } from 'zod';
import type { ApiName } from './api.js';
import { modalityOfModel } from './model-modality.js';
import type { Model } from './models.js';
import { own } from './own.js';

/** Maximum number of endpoints of a run: their rules travel in the workflow's options. */
export const MAX_ENDPOINTS = 50;

/** Maximum number of models of an endpoint that have a price of their own. */
const MAX_PRICED_MODELS = 100;

/** The name of an endpoint: it has no slash, so that the first one in `endpoint/model` ends it. */
export const ENDPOINT_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** What a model costs, in US dollars per million tokens. */
export interface Price {
  /** Of prompts. */
  readonly input: number;
  /** Of answers. */
  readonly output: number;
  /** Of prompts that came from the endpoint's cache. Default: `input`. */
  readonly cached?: number | undefined;
}

/**
 * What a run says of one of its endpoints. Where it is and which key it gets is what the workers' operators have written
 * down under the same name; nothing of that can come from a run.
 */
export interface EndpointRules {
  /** Its name in the worker's file. */
  readonly name: string;
  /** Endpoints of a higher order are asked only while none of a lower one is up. Default 1. */
  readonly order?: number | undefined;
  /** Its part of the items within its order, in the place of its nodes. Default: its nodes. */
  readonly weight?: number | undefined;
  /** Maximum requests in flight there, on all workers together, one for each worker at least. Default: no limit of its own. */
  readonly maxInFlight?: number | undefined;
  /** Maximum requests a minute there. Default: no limit of its own. */
  readonly rpm?: number | undefined;
  /** Maximum tokens a minute there. Default: no limit of its own. */
  readonly tpm?: number | undefined;
  /** What its models cost. Default: nobody knows. */
  readonly price?: Price | undefined;
  /** What single models cost, by their ids there. */
  readonly prices?: Readonly<Record<string, Price>> | undefined;
}

const amount = z.number().min(0).max(1_000_000);
export const priceSchema = z.strictObject({ input: amount, output: amount, cached: amount.optional() });

export const endpointRulesSchema = z.strictObject({
  name: z.string().regex(ENDPOINT_NAME, 'must be letters, digits, - and _ only, 64 at most'),
  order: z.int().min(1).max(1000).optional(),
  weight: z.number().positive().max(1_000_000).optional(),
  maxInFlight: z.int().min(1).max(100_000).optional(),
  rpm: z.number().min(1).optional(),
  tpm: z.number().min(1).optional(),
  price: priceSchema.optional(),
  prices: z
    .record(z.string(), priceSchema)
    .refine((prices) => Object.keys(prices).length <= MAX_PRICED_MODELS, `has more than ${MAX_PRICED_MODELS} models`)
    .optional(),
});

export const endpointsSchema = z
  .array(endpointRulesSchema)
  .min(1)
  .max(MAX_ENDPOINTS)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'has a name twice')
  .readonly();

/** Endpoints of a run, by the rules of each. */
export type Endpoints = readonly EndpointRules[];

/** What decides whose models a run may ask. */
export interface Listing {
  /** Absent in a run with the one endpoint that its workers serve. */
  readonly endpoints?: Endpoints | undefined;
  /** The only model. */
  readonly model?: string | undefined;
  /** What items are asked by. Default: by chat. */
  readonly api?: ApiName | undefined;
  /** Every target must have a price. */
  readonly maxCost?: number | undefined;
  readonly prefer?: Preference | undefined;
}

/** Which targets of one order are asked first. */
export const PREFERENCES = ['cheapest'] as const;
export type Preference = (typeof PREFERENCES)[number];

/** Returns the name of a target: a model at an endpoint. */
export function targetName(endpoint: string, model: string): string {
  return `${endpoint}/${model}`;
}

/** Returns the endpoint and the model that a target's name stands for. */
export function splitTarget(target: string): { readonly endpoint: string; readonly model: string } {
  const slash = target.indexOf('/');
  return { endpoint: target.slice(0, Math.max(0, slash)), model: target.slice(slash + 1) };
}

/**
 * Returns the targets that a run may ask, of those that its endpoints list (`endpoint/model`): all, or those of its `model`.
 * `endpoint/model` is one target, listed or not; any other name is that model wherever it is listed.
 */
export function targetModels(
  list: readonly Model[],
  { endpoints = [], model, prefer }: Omit<Listing, 'maxCost'>,
): Model[] {
  const rules = new Map(endpoints.map((each) => [each.name, each]));
  const listed = list.filter(({ id }) => rules.has(splitTarget(id).endpoint));
  return wanted(listed, rules, model).map((each) => {
    const { name: endpoint, order = 1, weight } = rules.get(splitTarget(each.id).endpoint) ?? { name: '' };
    const chosen = model === undefined ? {} : { chosen: true };
    const place = prefer === 'cheapest' ? order + cheapness(priceOf(endpoints, each.id)) : order;
    return { ...each, endpoint, order: place, ...(weight === undefined ? {} : { weight }), ...chosen };
  });
}

/** Returns a part of an order: the less, the cheaper a token of the prompt and one of the answer are together. */
function cheapness(price: Price | undefined): number {
  return price === undefined ? 0.9 : (price.input + price.output) / 1e7;
}

/** Returns the targets without a price, by their names. */
export function withoutPrice(models: readonly Model[], endpoints: Endpoints): string[] {
  return models.map(({ id }) => id).filter((id) => priceOf(endpoints, id) === undefined);
}

function wanted(list: readonly Model[], endpoints: ReadonlyMap<string, unknown>, model: string | undefined): Model[] {
  if (model === undefined) return [...list];
  if (!namesEndpoint(model, endpoints)) return list.filter(({ id }) => splitTarget(id).model === model);
  const { model: name } = splitTarget(model);
  return [list.find(({ id }) => id === model) ?? { id: model, nodes: 1, modality: modalityOfModel(name) }];
}

/** Returns true for a model's name that begins with that of an endpoint: `endpoint/model`. */
export function namesEndpoint(model: string, endpoints: { has(name: string): boolean }): boolean {
  const { endpoint, model: name } = splitTarget(model);
  return name !== '' && endpoints.has(endpoint);
}

/** Returns what a target costs; undefined if nobody has said. */
export function priceOf(endpoints: Endpoints, target: string): Price | undefined {
  const { endpoint, model } = splitTarget(target);
  const rules = endpoints.find(({ name }) => name === endpoint);
  return own(rules?.prices ?? {}, model) ?? rules?.price;
}
