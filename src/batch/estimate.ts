import type { ApiName } from './api.js';
import { apportion } from './division.js';
import {
  addModalities,
  countOf,
  type MediaModality,
  MODALITIES,
  type Modality,
  type ModalityCounts,
  mediaOf,
  noModalityCounts,
  sumOfModalities,
  withMore,
} from './modality.js';
import { own } from './own.js';
import { ofLowestOrder, type Targets, takers, weightsOf } from './targets.js';

/** Characters that make a token, by the script they are of. Every model has its own tokens; these are near most. */
const ASCII_PER_TOKEN = 4;
const CJK_PER_TOKEN = 1.5;
const OTHER_PER_TOKEN = 2;

/** Tokens that a chat puts around a prompt. */
const TOKENS_PER_CHAT = 8;

/** Tokens that the attachments of a kind are taken for: a picture of a megapixel, a sound of half a minute, a PDF of two pages. */
const TOKENS_PER_ATTACHMENT: Readonly<Record<MediaModality, number>> = { vision: 1000, audio: 750, document: 3000 };

/** Returns how the tokens of what is asked are estimated, in words. */
export function tokenRule(api: ApiName): string {
  const ofTexts = 'Estimated: 4 ASCII, 1.5 Chinese, Japanese or Korean or 2 other characters a token';
  return isConversation(api)
    ? `${ofTexts}, 8 tokens a request, 1,000 for pictures, 750 for sounds, 3,000 for PDFs.`
    : `${ofTexts}.`;
}

/** Returns true for paths that put something around a prompt. */
function isConversation(api: ApiName): boolean {
  return api === 'chat' || api === 'responses';
}

/** Tokens that a prompt's text has, roughly; not rounded, so that many can be added up. */
export function textTokens(text: string): number {
  let ascii = 0;
  let cjk = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) ascii++;
    else if (isCjk(unit)) cjk++;
  }
  return ascii / ASCII_PER_TOKEN + cjk / CJK_PER_TOKEN + (text.length - ascii - cjk) / OTHER_PER_TOKEN;
}

/** Kana, ideographs, Hangul, and the full-width forms that go with them. */
function isCjk(unit: number): boolean {
  if (unit < 0x2e80) return unit >= 0x1100 && unit <= 0x11ff;
  return (
    unit <= 0x9fff || (unit >= 0xac00 && unit <= 0xd7af) || (unit >= 0xf900 && unit <= 0xfaff) || isFullWidth(unit)
  );
}

function isFullWidth(unit: number): boolean {
  return unit >= 0xff00 && unit <= 0xffef;
}

/** What a model costs, in the endpoint's credits. */
export interface ModelPrice {
  /** A token of the prompt. */
  readonly prompt: number;
  /** A token of the answer. */
  readonly completion: number;
  /** A request, whatever is in it. */
  readonly request: number;
}

/** What a run would be made of. */
export interface RunPlan {
  /** Items by modality, invalid ones left out. */
  readonly modalities: Readonly<ModalityCounts>;
  /** {@link textTokens} of the prompts, summed, by modality. */
  readonly textTokens: Readonly<ModalityCounts>;
  readonly models: Targets;
  /** Items that name their model, by model and modality. Default: none does. */
  readonly named?: Readonly<Record<string, ModalityCounts>> | undefined;
  readonly maxTokens: number;
  readonly retries: number;
  /** What the items are asked by. Default: by chat. */
  readonly api?: ApiName | undefined;
  /** Items in a request for embeddings. Default 1. */
  readonly embedBatch?: number;
  /** By model; those that tell none are absent. */
  readonly prices: Readonly<Record<string, ModelPrice>>;
}

/** A model and what it would get. */
export interface PlannedModel {
  readonly id: string;
  readonly modality: Modality;
  readonly nodes: number;
  readonly items: Readonly<ModalityCounts>;
}

/** Something between two bounds. */
export interface Bounds {
  readonly atLeast: number;
  readonly atMost: number;
}

/** What a run would come to. */
export interface RunEstimate {
  /** Most nodes first. */
  readonly models: readonly PlannedModel[];
  /** Items that no model takes, by modality. */
  readonly unserved: Readonly<ModalityCounts>;
  /** Of all prompts, once. */
  readonly promptTokens: number;
  readonly completionTokensAtMost: number;
  /** One for each item at least, or for so many as go together; with every retry, each item alone, at most. */
  readonly requests: Bounds;
  /** Credits without retries, from empty answers to the longest; undefined unless every model that is asked has a price. */
  readonly credits: Bounds | undefined;
}

/** Spreads a run's items as the run itself would begin, and adds up what that would take. */
export function estimateRun(plan: RunPlan): RunEstimate {
  const { modalities } = plan;
  const models = spread(plan);
  const items = sumOfModalities(modalities);
  return {
    models,
    unserved: unservedOf(plan, models),
    promptTokens: Math.ceil(
      MODALITIES.reduce((sum, modality) => sum + countOf(modalities, modality) * meanOf(plan, modality), 0),
    ),
    completionTokensAtMost: items * answerTokens(plan),
    requests: { atLeast: Math.ceil(items / together(plan)), atMost: items * mostRequests(plan) },
    credits: creditsOf(plan, models),
  };
}

/** Returns the maximum number of tokens of an answer: a vector has none. */
function answerTokens({ api, maxTokens }: RunPlan): number {
  return api === 'embeddings' ? 0 : maxTokens;
}

/** Returns how many items one request asks about. */
function together({ api, embedBatch = 1 }: RunPlan): number {
  return api === 'embeddings' ? embedBatch : 1;
}

/** Returns the maximum number of requests for an item: those that are refused together are asked again by fewer first. */
function mostRequests(plan: RunPlan): number {
  return 1 + plan.retries + (together(plan) > 1 ? 1 : 0);
}

function spread({ modalities, models, named }: RunPlan): PlannedModel[] {
  const items = new Map(models.map(({ id }) => [id, ownItems(named, id)]));
  const divided = dividedItems(modalities, named);
  for (const modality of MODALITIES) {
    const able = ofLowestOrder(takers(models, modality));
    const parts = apportion(countOf(divided, modality), weightsOf(able));
    for (const [index, { id }] of able.entries()) {
      const counts = items.get(id);
      if (counts !== undefined) items.set(id, withMore(counts, modality, parts[index] ?? 0));
    }
  }
  return models
    .map(({ id, modality, nodes }) => ({ id, modality, nodes, items: items.get(id) ?? noModalityCounts() }))
    .sort((a, b) => b.nodes - a.nodes);
}

function ownItems(named: RunPlan['named'], id: string): ModalityCounts {
  return (named === undefined ? undefined : own(named, id)) ?? noModalityCounts();
}

/** Items that name no model. */
function dividedItems(modalities: Readonly<ModalityCounts>, named: RunPlan['named'] = {}): ModalityCounts {
  const own = Object.values(named).reduce(addModalities, noModalityCounts());
  return MODALITIES.reduce((rest, modality) => withMore(rest, modality, -countOf(own, modality)), modalities);
}

function unservedOf({ modalities }: RunPlan, models: readonly PlannedModel[]): ModalityCounts {
  const served = models.map(({ items }) => items).reduce(addModalities, noModalityCounts());
  return MODALITIES.reduce((rest, modality) => withMore(rest, modality, -countOf(served, modality)), modalities);
}

/** Prompt tokens of an item of a modality, on average. */
function meanOf({ modalities, textTokens: tokens, api = 'chat' }: RunPlan, modality: Modality): number {
  const text = countOf(tokens, modality) / Math.max(1, countOf(modalities, modality));
  const around = isConversation(api) ? TOKENS_PER_CHAT : 0;
  return text + around + mediaOf(modality).reduce((sum, media) => sum + TOKENS_PER_ATTACHMENT[media], 0);
}

function creditsOf(plan: RunPlan, models: readonly PlannedModel[]): Bounds | undefined {
  let atLeast = 0;
  let answers = 0;
  for (const { id, items } of models.filter((model) => sumOfModalities(model.items) > 0)) {
    const price = own(plan.prices, id);
    if (price === undefined) return undefined;
    const tokens = MODALITIES.reduce((sum, modality) => sum + countOf(items, modality) * meanOf(plan, modality), 0);
    const all = sumOfModalities(items);
    atLeast += tokens * price.prompt + Math.ceil(all / together(plan)) * price.request;
    answers += all * answerTokens(plan) * price.completion;
  }
  return { atLeast, atMost: atLeast + answers };
}
