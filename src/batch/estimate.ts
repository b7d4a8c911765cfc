import { apportion } from './division.js';
import { MODALITIES, type Modality, type ModalityCounts, noModalityCounts } from './modality.js';
import { own } from './own.js';
import { ofLowestOrder, type Targets, takers, weightsOf } from './targets.js';

/** Characters that make a token, by the script they are of. Every model has its own tokens; these are near most. */
const ASCII_PER_TOKEN = 4;
const CJK_PER_TOKEN = 1.5;
const OTHER_PER_TOKEN = 2;

/** Tokens that a chat puts around a prompt. */
const TOKENS_PER_CHAT = 8;

/** Tokens that an attachment is taken for: a picture of a megapixel, a sound of half a minute. */
const TOKENS_PER_ATTACHMENT: Readonly<ModalityCounts> = { text: 0, vision: 1000, audio: 750 };

/** How prompt tokens are estimated, in words. */
export const TOKEN_RULE =
  'Estimated: 4 ASCII, 1.5 Chinese, Japanese or Korean or 2 other characters a token, ' +
  '8 tokens a request, 1,000 a picture, 750 a sound.';

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
  readonly maxTokens: number;
  readonly retries: number;
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
  /** One for each item at least; with every retry at most. */
  readonly requests: Bounds;
  /** Credits without retries, from empty answers to the longest; undefined unless every model that is asked has a price. */
  readonly credits: Bounds | undefined;
}

/** Spreads a run's items as the run itself would begin, and adds up what that would take. */
export function estimateRun(plan: RunPlan): RunEstimate {
  const { modalities, maxTokens, retries } = plan;
  const models = spread(plan);
  const items = sumOf(modalities);
  return {
    models,
    unserved: unservedOf(plan, models),
    promptTokens: Math.ceil(
      MODALITIES.reduce((sum, modality) => sum + modalities[modality] * meanOf(plan, modality), 0),
    ),
    completionTokensAtMost: items * maxTokens,
    requests: { atLeast: items, atMost: items * (1 + retries) },
    credits: creditsOf(plan, models),
  };
}

function spread({ modalities, models }: RunPlan): PlannedModel[] {
  const items = new Map(models.map(({ id }) => [id, noModalityCounts()]));
  for (const modality of MODALITIES) {
    const able = ofLowestOrder(takers(models, modality));
    const parts = apportion(modalities[modality], weightsOf(able));
    for (const [index, { id }] of able.entries()) {
      const counts = items.get(id);
      if (counts !== undefined) counts[modality] = parts[index] ?? 0;
    }
  }
  return models
    .map(({ id, modality, nodes }) => ({ id, modality, nodes, items: items.get(id) ?? noModalityCounts() }))
    .sort((a, b) => b.nodes - a.nodes);
}

function unservedOf({ modalities }: RunPlan, models: readonly PlannedModel[]): ModalityCounts {
  const unserved = noModalityCounts();
  for (const modality of MODALITIES) {
    unserved[modality] = modalities[modality] - models.reduce((sum, { items }) => sum + items[modality], 0);
  }
  return unserved;
}

/** Prompt tokens of an item of a modality, on average. */
function meanOf({ modalities, textTokens: tokens }: RunPlan, modality: Modality): number {
  const text = tokens[modality] / Math.max(1, modalities[modality]);
  return text + TOKENS_PER_CHAT + TOKENS_PER_ATTACHMENT[modality];
}

function creditsOf(plan: RunPlan, models: readonly PlannedModel[]): Bounds | undefined {
  let atLeast = 0;
  let answers = 0;
  for (const { id, items } of models.filter((model) => sumOf(model.items) > 0)) {
    const price = own(plan.prices, id);
    if (price === undefined) return undefined;
    const tokens = MODALITIES.reduce((sum, modality) => sum + items[modality] * meanOf(plan, modality), 0);
    atLeast += tokens * price.prompt + sumOf(items) * price.request;
    answers += sumOf(items) * plan.maxTokens * price.completion;
  }
  return { atLeast, atMost: atLeast + answers };
}

function sumOf(counts: Readonly<ModalityCounts>): number {
  return MODALITIES.reduce((sum, modality) => sum + counts[modality], 0);
}
