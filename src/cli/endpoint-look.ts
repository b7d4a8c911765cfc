import { lacksVersion } from '../dria/base-url.js';
import type { Catalogue, Endpoint } from '../dria/endpoint.js';
import { type DriaError, isDriaError } from '../dria/errors.js';
import type { Io } from './io.js';
import { openEndpoint } from './open-endpoint.js';

/** Time for a look at an endpoint before a run, ms: one that takes longer is waited for by the run. */
const LOOK_MS = 5_000;

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
