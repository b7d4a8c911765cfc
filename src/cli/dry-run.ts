import { estimateRun, type ModelPrice, textTokens } from '../batch/estimate.js';
import { chosenModel, refreshModels } from '../batch/model-table.js';
import type { Model } from '../batch/models.js';
import { Endpoint } from '../dria/endpoint.js';
import { type DriaErrorCode, isDriaError } from '../dria/errors.js';
import { readStagedManifest } from '../input/stage.js';
import { Cleanup } from './cleanup.js';
import { readSummary } from './deliver.js';
import type { Io } from './io.js';
import { modelsUnavailable } from './list-models.js';
import { openReporter } from './open-reporter.js';
import { checkRequest, idOf, otherInput, type Request, scanRequest } from './run-batch.js';
import type { BatchFlags } from './run-flags.js';
import type { ScannedFile } from './scan-file.js';
import { temporalSettings } from './temporal-settings.js';
import { type DryRun, dryRunView } from './terminal/dry-run-view.js';

/**
 * Runs `batch --dry-run`: checks all that a run would check and prints what it would be made of. Sends no prompt, starts
 * nothing and stores nothing.
 */
export async function dryRun(file: string, flags: BatchFlags, io: Io): Promise<void> {
  temporalSettings(flags, io.env);
  const request = await checkRequest(file, flags, io);
  const cleanup = new Cleanup();
  try {
    const reporter = cleanup.add(openReporter(flags.json, io), (opened) => opened.close());
    const apiKey = io.env.DRIA_API_KEY;
    const endpoint = Endpoint.open({ baseUrl: request.endpoint, ...(apiKey ? { apiKey } : {}) });
    cleanup.add(endpoint, (opened) => opened.close());
    const looking = lookAt(endpoint, request, io.interrupt);
    // What is wrong with the input is said first.
    looking.catch(() => undefined);
    const scanned = await scanRequest(file, request, reporter, io, textTokens);
    cleanup.add(scanned, (opened) => opened.dispose());
    const plan = planOf(scanned, request, await looking, await earlierRun(scanned, request));
    io.stdout.write(flags.json ? `${JSON.stringify(plan)}\n` : `${dryRunView(plan)}\n`);
  } finally {
    await cleanup.run();
  }
}

/** What an endpoint tells before a run. */
interface Look {
  readonly models: readonly Model[];
  readonly prices: Readonly<Record<string, ModelPrice>>;
  readonly balance: number | undefined;
}

async function lookAt(endpoint: Endpoint, { options }: Request, signal: AbortSignal): Promise<Look> {
  try {
    const [catalogue, balance] = await Promise.all([
      endpoint.catalogue(signal).catch((error: unknown) => {
        // With a model of its own a run does without the list.
        if (options.model === undefined || !isOneOf(error, ANSWERS_WITHOUT_LIST)) throw error;
        return { models: [], prices: {} };
      }),
      endpoint.balance(signal).catch((error: unknown) => {
        if (isOneOf(error, ['Unauthorized'])) throw error;
        return undefined;
      }),
    ]);
    return { ...catalogue, balance: balance?.balance };
  } catch (error) {
    throw modelsUnavailable(endpoint.baseUrl, error);
  }
}

/** Answers of an endpoint that is there, but has no models list. */
const ANSWERS_WITHOUT_LIST: readonly DriaErrorCode[] = ['InvalidRequest', 'BadResponse', 'ServerError'];

function isOneOf(error: unknown, codes: readonly DriaErrorCode[]): boolean {
  return isDriaError(error) && codes.includes(error.code);
}

/** What the storage has under the run's id. Throws a `UserError` when it is a run of another input. */
async function earlierRun(scanned: ScannedFile, request: Request): Promise<DryRun['earlier']> {
  const id = idOf(scanned, request);
  const staged = await readStagedManifest(request.storage, id);
  if (staged === undefined) return 'none';
  if (staged.sha256 !== scanned.scan.manifest.sha256) throw otherInput(id);
  return (await readSummary(request.storage, id)) === undefined ? 'unfinished' : 'ended';
}

function planOf(scanned: ScannedFile, request: Request, look: Look, earlier: DryRun['earlier']): DryRun {
  const { manifest, measured } = scanned.scan;
  const { options, endpoint, storage, flags } = request;
  const { model, maxTokens, retries, concurrency } = options;
  const table = model === undefined ? refreshModels([], look.models) : chosenModel(model, look.models);
  const { models, ...estimate } = estimateRun({
    modalities: manifest.modalities,
    textTokens: measured,
    models: table,
    maxTokens,
    retries,
    prices: look.prices,
  });
  const listed = new Set(look.models.map(({ id }) => id));
  return {
    run: idOf(scanned, request),
    earlier,
    input: scanned.name,
    output: flags.output ?? null,
    storage: storage.root,
    endpoint,
    items: { all: manifest.items, ...manifest.modalities, invalid: manifest.invalid },
    chunks: manifest.chunks.length,
    options: { concurrency, maxTokens, retries },
    models: models.map((planned) => ({ ...planned, up: listed.has(planned.id) })),
    ...estimate,
    credits: { balance: look.balance ?? null, estimate: estimate.credits ?? null },
  };
}
