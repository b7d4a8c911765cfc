import type { ApiName } from '../batch/api.js';
import { splitTarget, targetName } from '../batch/endpoint-rules.js';
import { modalityOfModel } from '../batch/model-modality.js';
import type { Model } from '../batch/models.js';
import { lacksVersion } from '../dria/base-url.js';
import type { Catalogue, Endpoint } from '../dria/endpoint.js';
import { type DriaError, isDriaError } from '../dria/errors.js';
import { listFacts } from '../dria/list-facts.js';
import { openEndpoints, type WorkerEndpoint } from '../endpoints.js';
import type { Io } from './io.js';
import { openEndpoint } from './open-endpoint.js';

/** Time for a look at an endpoint before a run, ms: one that takes longer is waited for by the run. */
const LOOK_MS = 5_000;

/** More models than this are not asked unless somebody chose them: among so many are some that cannot chat. */
export const MOST_UNCHOSEN = 5;

/** What a look at an endpoint found before a run. */
export type EndpointLook =
  | { readonly kind: 'list'; readonly catalogue: Catalogue }
  /** It answers, but not with a list; `elsewhere` is a base URL under which there is one. */
  | { readonly kind: 'no-list'; readonly error: DriaError; readonly elsewhere?: string }
  /** It is away, busy or too slow: the run waits for it. */
  | { readonly kind: 'away'; readonly error: unknown };

/** Looks at an endpoint's list of models, and for it under other paths where there is none. Never rejects. */
export async function lookAtEndpoint(
  baseUrl: string,
  { env, interrupt }: Pick<Io, 'env' | 'interrupt'>,
  withinMs = LOOK_MS,
): Promise<EndpointLook> {
  const signal = AbortSignal.any([interrupt, AbortSignal.timeout(withinMs)]);
  try {
    return { kind: 'list', catalogue: await catalogueOf(baseUrl, env, signal) };
  } catch (error) {
    if (!isDriaError(error) || !isAnswer(error)) return { kind: 'away', error };
    const elsewhere = isWrongPath(error) ? await findElsewhere(baseUrl, env, signal) : undefined;
    return { kind: 'no-list', error, ...(elsewhere === undefined ? {} : { elsewhere }) };
  }
}

/**
 * Looks at the lists of several endpoints, as at one: its models are `endpoint/model`. What one of them does not give says
 * nothing against the run, which waits for it. Never rejects.
 */
export async function lookAtEndpoints(
  endpoints: readonly WorkerEndpoint[],
  interrupt: AbortSignal,
  withinMs = LOOK_MS,
): Promise<EndpointLook> {
  const signal = AbortSignal.any([interrupt, AbortSignal.timeout(withinMs)]);
  const looks = await Promise.all(endpoints.map((endpoint) => lookAtNamed(endpoint, signal)));
  const lists = looks.filter((look) => 'list' in look);
  const [missing] = looks.filter((look) => 'error' in look);
  if (lists.length === 0 && missing !== undefined) {
    const { error } = missing;
    return isDriaError(error) && isAnswer(error) ? { kind: 'no-list', error } : { kind: 'away', error };
  }
  return {
    kind: 'list',
    catalogue: joinedCatalogue(
      lists.map(({ list }) => list),
      missing !== undefined,
      'chat',
    ),
  };
}

/** Joins what several endpoints list; `isPartial`: not every one could be asked. */
function joinedCatalogue(lists: readonly NamedList[], isPartial: boolean, api: ApiName): Catalogue {
  const all = lists.map((list) => list(api));
  const models = all.flatMap((list) => list.models);
  const unclear = all.find(({ isClear }) => !isClear)?.ids;
  // Of a model that no list has, one that could not be had may be the list.
  const ids = isPartial ? [] : all.flatMap((list) => [...list.ids, ...list.ids.map(modelOf)]);
  const facts = {
    entries: models.length,
    ids,
    ableIds: unclear ?? ids,
    hasNodes: unclear === undefined,
    takes: undefined,
  };
  return { models, prices: {}, facts, of: (other) => joinedCatalogue(lists, isPartial, other) };
}

function modelOf(target: string): string {
  return splitTarget(target).model;
}

/** Returns what one of several endpoints lists that can be asked so. */
type NamedList = (api: ApiName) => ListedModels;

interface ListedModels {
  readonly models: readonly Model[];
  /** `endpoint/model`, those that are not up included. */
  readonly ids: readonly string[];
  /** Who is asked by nodes, or by its operator's choice. */
  readonly isClear: boolean;
}

/** Returns what an endpoint lists, or why that is not known. */
async function lookAtNamed(
  named: WorkerEndpoint,
  signal: AbortSignal,
): Promise<{ readonly list: NamedList } | { readonly error: unknown }> {
  const { name, models: chosen } = named;
  const opened = openEndpoints([named], 1);
  try {
    const catalogue = await opened.get(name)?.endpoint.catalogue(signal);
    return { list: (api) => listed(named, catalogue?.of(api)) };
  } catch (error) {
    return chosen === undefined ? { error } : { list: () => listed(named, undefined) };
  } finally {
    for (const { endpoint } of opened.values()) await endpoint.close();
  }
}

/** Returns the models of an endpoint: those that its operator has chosen, listed or not, else those of its list. */
function listed({ name, models: chosen }: WorkerEndpoint, catalogue: Catalogue | undefined): ListedModels {
  const { models = [], facts = listFacts({}) } = catalogue ?? {};
  const known = chosen?.map((id) => models.find((model) => model.id === id) ?? unlisted(id)) ?? models;
  const ids = [...new Set([...(chosen ?? facts.ids), ...known.map(({ id }) => id)])].map((id) => targetName(name, id));
  const isClear = chosen !== undefined || facts.hasNodes || facts.ableIds.length <= MOST_UNCHOSEN;
  return { models: known.map((model) => ({ ...model, id: targetName(name, model.id) })), ids, isClear };
}

function unlisted(id: string): Model {
  return { id, nodes: 1, modality: modalityOfModel(id) };
}

async function catalogueOf(baseUrl: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Catalogue> {
  let endpoint: Endpoint | undefined;
  try {
    endpoint = openEndpoint(baseUrl, env);
    return await endpoint.catalogue(signal);
  } finally {
    await endpoint?.close();
  }
}

/** True for an answer that stays the same when it is asked for again. */
function isAnswer({ status }: DriaError): boolean {
  return status !== undefined && status < 500 && status !== 408 && status !== 425 && status !== 429;
}

/** True for what a server answers under a path that it does not have: an error, or a page for people. */
function isWrongPath({ code, status }: DriaError): boolean {
  return status === 404 || status === 405 || code === 'BadResponse';
}

async function findElsewhere(
  baseUrl: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const url of otherBaseUrls(baseUrl)) {
    const catalogue = await catalogueOf(url, env, signal).catch(() => undefined);
    if (catalogue !== undefined && catalogue.facts.ids.length > 0) return url;
  }
  return undefined;
}

/** Returns base URLs that may have been meant: with a version below the given path, with one in its place. */
function otherBaseUrls(baseUrl: string): string[] {
  const urls = [...(lacksVersion(baseUrl) ? [`${baseUrl}/v1`] : []), `${new URL(baseUrl).origin}/v1`];
  return [...new Set(urls)].filter((url) => url !== baseUrl);
}
