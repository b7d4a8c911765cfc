import type { ApiName } from '../batch/api.js';
import {
  countOf,
  includesModality,
  MODALITIES,
  type Modality,
  type ModalityCounts,
  sumOfModalities,
  wordsOf,
} from '../batch/modality.js';
import { isKnownModel } from '../batch/model-modality.js';
import { shellWord } from '../batch/shell-word.js';
import { describeError } from '../dria/errors.js';
import type { ListFacts } from '../dria/list-facts.js';
import { editDistance } from '../input/edit-distance.js';
import type { Unserved } from '../input/skip-modalities.js';
import { type EndpointLook, MOST_UNCHOSEN } from './endpoint-look.js';
import { UserError } from './errors.js';

/** Names that a message lists. */
const LISTED_NAMES = 8;

/** What a run asks of its endpoint. */
export interface Asked {
  readonly endpoint: string;
  readonly model: string | undefined;
  /** What its items are asked by. Default: by chat. */
  readonly api?: ApiName | undefined;
  /** Models that items name, if they name different ones. */
  readonly models: readonly string[];
  /** Items that name no model, by modality. */
  readonly modalities: Readonly<ModalityCounts>;
  /** Ask a model that is not in the list all the same. */
  readonly yes: boolean;
  /** The requests are sent from this machine, with its key. */
  readonly isOurKey: boolean;
}

/** Returns what keeps a run from succeeding at its endpoint, as far as a look tells; undefined when nothing does. */
export function endpointProblem(look: EndpointLook, asked: Asked): UserError | undefined {
  if (look.kind === 'away') return undefined;
  if (look.kind === 'no-list') return wrongBaseUrl(look, asked) ?? noList(look, asked);
  const { api = 'chat' } = asked;
  const { facts } = look.catalogue.of(api);
  const { ableIds: ids, hasNodes } = facts;
  if (asked.model !== undefined) return unlistedModel(asked.model, facts, asked);
  if (isAllNamed(asked)) return undefined;
  if (api === 'embeddings' && facts.ids.length > 0 && ids.length === 0) return noVectors(asked);
  if (hasNodes || ids.length <= MOST_UNCHOSEN) return undefined;
  return new UserError(`${asked.endpoint} lists ${ids.length} models and does not say which of them to ask`, {
    exitCode: 2,
    hint: `Give -m with one of them: ${nameList(ids)}`,
  });
}

/** True if no item is left to be asked of a model that it does not name. */
function isAllNamed({ models, modalities }: Asked): boolean {
  return models.length > 0 && sumOfModalities(modalities) === 0;
}

/** Returns which items of a run nobody can answer, as far as a list tells. */
export function unservedItems(look: EndpointLook, asked: Asked): Unserved {
  return { modalities: unservedModalities(look, asked), models: unlistedModels(look, asked) };
}

/** Returns the models that items name and the list does not have. */
function unlistedModels(look: EndpointLook, asked: Asked): Unserved['models'] {
  const facts = look.kind === 'list' ? look.catalogue.of(asked.api ?? 'chat').facts : undefined;
  if (facts === undefined) return new Map();
  return new Map(
    asked.models.flatMap((model) => {
      const problem = unlistedModel(model, facts, asked);
      return problem === undefined ? [] : [[model, `${problem.message}. ${problem.hint ?? ''}`.trim()] as const];
    }),
  );
}

function unservedModalities(
  look: EndpointLook,
  { endpoint, model, modalities, api = 'chat' }: Asked,
): Unserved['modalities'] {
  const unserved = new Map<Modality, string>();
  const takes = look.kind === 'list' && model === undefined ? look.catalogue.of(api).facts.takes : undefined;
  if (takes === undefined) return unserved;
  for (const modality of MODALITIES) {
    if (countOf(modalities, modality) === 0) continue;
    if ([...takes].some((able) => includesModality(able, modality))) continue;
    unserved.set(modality, `no model of ${endpoint} takes ${wordsOf(modality)}`);
  }
  return unserved;
}

function noVectors({ endpoint }: Asked): UserError {
  return new UserError(`${endpoint} lists no model for embeddings`, {
    exitCode: 2,
    hint: 'Give -m with the model to ask: some have a name or a type that does not tell.',
  });
}

function wrongBaseUrl({ elsewhere }: EndpointLook & { kind: 'no-list' }, { endpoint }: Asked): UserError | undefined {
  if (elsewhere === undefined) return undefined;
  return new UserError(`the endpoint is not at ${endpoint}, but at ${elsewhere}`, {
    exitCode: 2,
    hint: `Give --base-url ${shellWord(elsewhere)}, or set DRIA_BASE_URL to it.`,
  });
}

/** Without a list a run needs a chosen model. Workers elsewhere may have a key that this command has not. */
function noList({ error }: EndpointLook & { kind: 'no-list' }, asked: Asked): UserError | undefined {
  if (asked.model !== undefined || isAllNamed(asked) || !asked.isOurKey) return undefined;
  // A 403 may be about the list alone: a key that chats need not read it.
  const isKeyWrong = error.code === 'Unauthorized' && error.status !== 403;
  const hint = isKeyWrong ? 'Check DRIA_API_KEY.' : 'Give -m with the model to ask: a run needs no list then.';
  return new UserError(`the models of ${asked.endpoint} cannot be had: ${describeError(error)}`, {
    exitCode: 1,
    hint,
    cause: error,
  });
}

function unlistedModel(model: string, { ids, hasNodes }: ListFacts, { endpoint, yes }: Asked): UserError | undefined {
  if (yes || ids.length === 0 || isListed(model, ids)) return undefined;
  // A model of Dria's network may have no nodes now, and is waited for.
  if (hasNodes && isKnownModel(model)) return undefined;
  const near = nearNames(model, ids);
  const names = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `It has ${nameList(ids)}.`;
  return new UserError(`${endpoint} does not list the model ${shortName(model)}`, {
    exitCode: 2,
    hint: `${names} Give --yes to ask it all the same.`,
  });
}

/**
 * True if a list has a model under a name that the endpoint takes for it: Google's list has `models/` before each name,
 * Ollama's has `:latest` after it, and OpenRouter takes variants such as `:nitro` that no list has.
 */
function isListed(model: string, ids: readonly string[]): boolean {
  const listed = new Set(ids);
  return [model, `models/${model}`, `${model}:latest`, model.replace(/:[^:/]+$/, '')].some((name) => listed.has(name));
}

/** Returns up to three listed names that a misspelt one may mean, nearest first. */
function nearNames(model: string, ids: readonly string[]): string[] {
  const wanted = model.toLowerCase();
  const bare = (id: string): string => id.toLowerCase().replace(/^.*\//, '');
  return ids
    .map((id) => {
      const distance = Math.min(editDistance(wanted, id.toLowerCase()), editDistance(bare(wanted), bare(id)));
      const isPart = wanted.length >= 3 && id.toLowerCase().includes(wanted);
      return { id, distance: isPart ? Math.min(distance, 1) : distance };
    })
    .filter(({ distance }) => distance <= Math.max(2, Math.floor(wanted.length / 4)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ id }) => shortName(id));
}

/** Names come from outside, and may be of any length. */
function shortName(id: string): string {
  return id.length <= 80 ? id : `${id.slice(0, 79)}…`;
}

function nameList(ids: readonly string[]): string {
  const rest = ids.length - LISTED_NAMES;
  return `${ids.slice(0, LISTED_NAMES).map(shortName).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
