import { type ApiName, givenTokens } from '../batch/api.js';
import { type Endpoints, priceOf, targetModels } from '../batch/endpoint-rules.js';
import { type Bounds, estimateRun, type ModelPrice, textTokens } from '../batch/estimate.js';
import { groupsOf } from '../batch/item-groups.js';
import type { Manifest } from '../batch/manifest.js';
import {
  countOf,
  MODALITIES,
  type ModalityCounts,
  noModalityCounts,
  sumOfModalities,
  withMore,
} from '../batch/modality.js';
import type { Model } from '../batch/models.js';
import type { BatchOptions } from '../batch/options.js';
import { own } from '../batch/own.js';
import { applyList, chosenTarget, type Targets, withNamed } from '../batch/targets.js';
import type { Endpoint } from '../dria/endpoint.js';
import { isDriaError } from '../dria/errors.js';
import type { ParsedItem } from '../input/parse-line.js';
import { readStagedManifest } from '../store/manifest.js';
import type { ReuseSource } from '../store/reuse.js';
import { Cleanup } from './cleanup.js';
import { readSummary } from './deliver.js';
import { type EndpointLook, lookAtEndpoint, lookAtEndpoints } from './endpoint-look.js';
import type { UserError } from './errors.js';
import type { Io } from './io.js';
import { modelsUnavailable } from './list-models.js';
import { openEndpoint } from './open-endpoint.js';
import { openReporter } from './open-reporter.js';
import { endpointProblem, unservedItems } from './preflight.js';
import { type PlannedReuse, plannedReuse } from './reuse-choice.js';
import { askedOf, checkRequest, idOf, otherInput, type Request, refuseUnpriced, scanRequest } from './run-batch.js';
import type { BatchFlags } from './run-flags.js';
import type { ScannedFile } from './scan-file.js';
import { strictModeProblems } from './strict-schema.js';
import { temporalSettings } from './temporal-settings.js';
import { type DryRun, dryRunView } from './terminal/dry-run-view.js';
import { formatItems } from './terminal/format.js';

/**
 * Runs `batch --dry-run`: checks all that a run would check and prints what it would be made of. Sends no prompt, starts
 * nothing and stores nothing.
 */
export async function dryRun(inputs: readonly string[], flags: BatchFlags, io: Io): Promise<void> {
  const checked = await checkRequest(inputs, flags, temporalSettings(flags, io.env), io);
  const cleanup = new Cleanup();
  try {
    const reporter = cleanup.add(openReporter(flags.json, io), (opened) => opened.close());
    const { looking, asking } = beginLooks(checked, io, cleanup);
    // What is wrong with the input is reported first.
    asking.catch(() => undefined);
    const shared = checked.options.system;
    const measure = ({ prompt, system = '', input }: ParsedItem): number =>
      textTokens(prompt) + textTokens(shared ?? system) + givenTokens(input);
    const scanned = await scanRequest(inputs, checked, reporter, io, measure);
    cleanup.add(scanned, (opened) => opened.dispose());
    const { model = scanned.scan.manifest.model } = checked.options;
    const request = { ...checked, options: { ...checked.options, model } };
    const found = await looking;
    const problem = endpointProblem(found, askedOf(scanned, request, true));
    const isListNeeded = request.options.model === undefined && askedOf(scanned, request, true).models.length === 0;
    if (isListNeeded || isOutOfReach(found)) refuseWithoutList(found, problem, request);
    const look = { ...listOf(found, scanned.scan.manifest.api), balance: await asking };
    refuseUnpriced(found, request);
    const warnings = warningsOf(scanned, request, found, problem);
    const earlier = await earlierRun(scanned, request);
    const planned = await plannedReuse(idOf(scanned, request), scanned, request, (message) => reporter.warn(message));
    const plan = { ...planOf(scanned, request, look, { earlier, ...planned }), warnings };
    io.stdout.write(flags.json ? `${JSON.stringify(plan)}\n` : `${dryRunView(plan)}\n`);
  } finally {
    await cleanup.run();
  }
}

/** Returns the items that name their model, by model and modality. */
function namedItems({ chunks }: Manifest): Record<string, ModalityCounts> {
  const named = new Map<string, ModalityCounts>();
  for (const { modality, model, items } of chunks.flatMap(groupsOf)) {
    if (model !== undefined) named.set(model, withMore(named.get(model) ?? noModalityCounts(), modality, items.length));
  }
  return Object.fromEntries(named);
}

/** Asks for the models of all endpoints, and for the balance of a single one. */
function beginLooks(
  { endpoint: url, endpoints }: Request,
  io: Io,
  cleanup: Cleanup,
): { readonly looking: Promise<EndpointLook>; readonly asking: Promise<number | undefined> } {
  if (endpoints !== undefined) {
    return { looking: lookAtEndpoints(endpoints.worker, io.interrupt, LIST_MS), asking: Promise.resolve(undefined) };
  }
  const endpoint = cleanup.add(openEndpoint(url, io.env), (opened) => opened.close());
  return { looking: lookAtEndpoint(url, io, LIST_MS), asking: balanceOf(endpoint, io.interrupt) };
}

/** Time for the models list, ms: nothing else waits for it. */
const LIST_MS = 30_000;

/** Throws for an endpoint that gave no list, from which nothing can be planned. */
function refuseWithoutList(look: EndpointLook, problem: UserError | undefined, { endpoint }: Request): void {
  if (look.kind !== 'list') throw problem ?? modelsUnavailable(endpoint, look.error);
}

/** True for an endpoint that sent no answer. */
function isOutOfReach(look: EndpointLook): boolean {
  return look.kind === 'away' && !(isDriaError(look.error) && look.error.status !== undefined);
}

/** What would keep the run from going well, a sentence each. */
function warningsOf(
  scanned: ScannedFile,
  request: Request,
  look: EndpointLook,
  problem: UserError | undefined,
): string[] {
  const asked = askedOf(scanned, request, true);
  const { modalities, models } = unservedItems(look, asked);
  const named = namedItems(scanned.scan.manifest);
  const unserved = [
    ...[...modalities].map(([modality, why]) => [countOf(asked.modalities, modality), why] as const),
    ...[...models].map(([model, why]) => [sumOfModalities(own(named, model) ?? noModalityCounts()), why] as const),
  ].map(([items, why]) => `${formatItems(items)} cannot be answered: ${why}`);
  const strict = strictModeProblems(request.options.schema ?? {}).map(
    (why) => `the strict mode of OpenAI refuses this schema, so such an endpoint gets a weaker form: ${why}`,
  );
  const found = problem === undefined ? [] : [`${problem.message}. ${problem.hint ?? ''}`.trim()];
  return [...found, ...unserved, ...strict];
}

/** What an endpoint tells before a run. */
interface Look {
  readonly models: readonly Model[];
  readonly prices: Readonly<Record<string, ModelPrice>>;
  readonly balance: number | undefined;
}

function listOf(look: EndpointLook, api: ApiName = 'chat'): Omit<Look, 'balance'> {
  return look.kind === 'list' ? look.catalogue.of(api) : { models: [], prices: {} };
}

/** The balance, where it can be had: gateways and restricted keys are refused it (403) and may chat all the same. */
async function balanceOf(endpoint: Endpoint, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await endpoint.balance(signal))?.balance;
  } catch (error) {
    if (isDriaError(error) && error.status === 401) throw modelsUnavailable(endpoint.baseUrl, error);
    return undefined;
  }
}

/** What the storage has under the run's id. Throws a `UserError` when it is a run of another input. */
async function earlierRun(scanned: ScannedFile, request: Request): Promise<DryRun['earlier']> {
  const id = idOf(scanned, request);
  const staged = await readStagedManifest(request.storage, id);
  if (staged === undefined) return 'none';
  if (staged.sha256 !== scanned.scan.manifest.sha256) throw otherInput(id);
  return (await readSummary(request.storage, id)) === undefined ? 'unfinished' : 'ended';
}

/** Tokens of the prompts that would be asked: those of all, by their share. */
function askedTokens({ scan }: ScannedFile, { modalities }: Manifest): ModalityCounts {
  return MODALITIES.reduce((tokens, modality) => {
    const all = countOf(scan.manifest.modalities, modality);
    const part = all === 0 ? 0 : countOf(modalities, modality) / all;
    return withMore(tokens, modality, countOf(scan.measured, modality) * part);
  }, noModalityCounts());
}

function reuseText(source: ReuseSource, { reused }: Manifest): string {
  return 'refusal' in source
    ? `nothing: ${source.refusal}`
    : `${reused.toLocaleString('en')} answers are taken from ${source.run}`;
}

/** The targets that a run would begin with. */
function targetsOf(list: readonly Model[], options: BatchOptions, named: readonly string[] | undefined): Targets {
  const { endpoints, model } = options;
  if (endpoints !== undefined) return applyList([], targetModels(list, options));
  return model === undefined ? applyList(withNamed([], named), list) : chosenTarget(model, list);
}

/** Returns what a token costs at each target, US dollars. */
function tokenPrices(targets: Targets, endpoints: Endpoints): Record<string, ModelPrice> {
  const prices = targets.map(({ id }) => [id, priceOf(endpoints, id)] as const);
  return Object.fromEntries(
    prices.flatMap(([id, price]) =>
      price === undefined ? [] : [[id, { prompt: price.input / 1e6, completion: price.output / 1e6, request: 0 }]],
    ),
  );
}

/** What the run would come to: in dollars with several endpoints, else in the one's credits. */
function amounts(
  isSeveral: boolean,
  balance: number | null,
  estimate: Bounds | null,
): Pick<DryRun, 'credits' | 'cost'> {
  return isSeveral ? { credits: { balance, estimate: null }, cost: estimate } : { credits: { balance, estimate } };
}

function planOf(
  scanned: ScannedFile,
  request: Request,
  look: Look,
  { earlier, manifest, source }: PlannedReuse & Pick<DryRun, 'earlier'>,
): Omit<DryRun, 'warnings'> {
  const { options, endpoint, storage, flags } = request;
  const { model, maxTokens, retries, concurrency, embedBatch } = options;
  const { api } = scanned.scan.manifest;
  const named = model === undefined ? namedItems(manifest) : undefined;
  const table = targetsOf(look.models, options, manifest.models);
  const { models, credits, ...estimate } = estimateRun({
    modalities: manifest.modalities,
    textTokens: askedTokens(scanned, manifest),
    models: table,
    named,
    maxTokens,
    retries,
    api,
    embedBatch,
    prices: options.endpoints === undefined ? look.prices : tokenPrices(table, options.endpoints),
  });
  const listed = new Set(look.models.map(({ id }) => id));
  return {
    run: idOf(scanned, request),
    earlier,
    input: scanned.name,
    output: flags.output ?? null,
    storage: storage.root,
    endpoint,
    items: {
      all: manifest.items,
      ...manifest.modalities,
      invalid: manifest.invalid,
      duplicates: manifest.twins,
      reused: manifest.reused,
    },
    reuse: source === undefined ? null : reuseText(source, manifest),
    chunks: manifest.chunks.length,
    api: api ?? 'chat',
    options: { concurrency, maxTokens, retries },
    models: models.map((planned) => ({ ...planned, up: listed.has(planned.id) })),
    ...estimate,
    ...amounts(options.endpoints !== undefined, look.balance ?? null, credits ?? null),
  };
}
