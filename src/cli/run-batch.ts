import { targetModels, withoutPrice } from '../batch/endpoint-rules.js';
import { dividedOf } from '../batch/item-groups.js';
import type { Manifest } from '../batch/manifest.js';
import { addModalities, noModalityCounts } from '../batch/modality.js';
import type { BatchOptions } from '../batch/options.js';
import { type ResultFormat, requireSchema } from '../batch/output-format.js';
import type { ReadOptions } from '../batch/read-options.js';
import type { BatchHandle } from '../client.js';
import type { Measure } from '../input/line-reader.js';
import { skipUnserved, unservedLines } from '../input/skip-modalities.js';
import type { StartBatch } from '../start-batch.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { countChangedFiles } from '../store/item-records.js';
import { readStagedManifest } from '../store/manifest.js';
import { inputKey, runDirectory } from '../store/run-directory.js';
import { putSettings, settingsOf } from '../store/settings.js';
import { attachmentRoots, checkRunId, checkScheduling, optionsFromFlags, runIdOf } from './batch-request.js';
import { checkCanary } from './canary-review.js';
import { Cleanup } from './cleanup.js';
import type { EndpointLook } from './endpoint-look.js';
import type { EndpointsFile } from './endpoints-file.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { namedFiles } from './open-inputs.js';
import { openReporter } from './open-reporter.js';
import { checkOutput } from './output.js';
import { placesOf, usablePlaces } from './places.js';
import type { Asked } from './preflight.js';
import { readOptionsOf } from './read-flags.js';
import { formatFrom, saidOfFormats, wantedFrom } from './result-format.js';
import { type ReuseChoice, refuseWithoutSource, reuseChoice, reuseInput } from './reuse-choice.js';
import { withConstantSystem } from './row-flags.js';
import { runEndpointsFromFlags, withEndpoints } from './run-endpoints.js';
import type { BatchFlags } from './run-flags.js';
import { notedOutput, readableMemoOf } from './run-memo.js';
import { otherPace, refuseOtherAnswers, runRequestOf } from './same-run.js';
import { type ScannedFile, type ScanProgress, scanFiles } from './scan-file.js';
import { checkSearchAttributes } from './search-attributes.js';
import { openSession, type Session, tooManyRequests } from './session.js';
import { attachmentsAreStaged, megabytes, saying, stageAgain, stageRun } from './stage-run.js';
import { checkTaskQueue } from './temporal-flags.js';
import { type TemporalSettings, temporalSettings } from './temporal-settings.js';
import type { Reporter } from './terminal/reporter.js';
import { type Visit, visitRun, workerFor } from './visit-run.js';
import { checkWebhookFlag, webhookFromFlags } from './webhook-flag.js';

/** Heartbeat time-out on the embedded server, ms: heartbeats cost nothing there, and a restart should not wait. */
const EMBEDDED_HEARTBEAT_MS = 10_000;

/** What the flags ask for, checked. */
export interface Request {
  readonly flags: BatchFlags;
  readonly options: BatchOptions;
  /** How the input is read. */
  readonly read: ReadOptions;
  /** The base URL; the names and addresses of several endpoints. */
  readonly endpoint: string;
  /** Several endpoints. */
  readonly endpoints?: EndpointsFile;
  readonly format: ResultFormat;
  readonly roots: readonly string[];
  readonly dataDir: string;
  readonly storage: Storage;
  /** Where answers may be taken from, and what finds this input's runs. */
  readonly reuse: ReuseChoice;
  /** Aborted when the command shall end. */
  readonly interrupt: AbortSignal;
}

/** Runs `batch`: checks everything, starts the run or goes on with it, and delivers its results. Returns the exit code. */
export async function runBatch(inputs: readonly string[], flags: BatchFlags, io: Io): Promise<number> {
  const settings = temporalSettings(flags, io.env);
  const request = await checkRequest(inputs, flags, settings, io);
  const cleanup = new Cleanup();
  try {
    const reporter = cleanup.add(openReporter(flags.json, io), (opened) => opened.close());
    const tooMany = settings.kind === 'embedded' ? tooManyRequests('-c', request.options.concurrency) : undefined;
    if (tooMany !== undefined) reporter.warn(tooMany);
    const looking = cleanup.add(beginLook(request, io), (look) => look.end());
    const scanned = cleanup.add(await scanRequest(inputs, request, reporter, io), (opened) => opened.dispose());
    const session = cleanup.add(
      await openSession({
        settings,
        withWorker: settings.kind === 'embedded',
        dataDir: request.dataDir,
        env: io.env,
        onStep: (step) => reporter.note(step),
        signal: io.interrupt,
      }),
      (opened) => opened.close(),
    );
    const visit = await startOrGoOn(session, scanned, request, { reporter, look: looking.look });
    return await visitRun(visit, session, reporter, io);
  } finally {
    await cleanup.run();
  }
}

/** A look at the endpoint that goes on beside other things. */
interface Looking {
  readonly look: Promise<EndpointLook>;
  end(): Promise<void>;
}

/** Begins to look at the endpoint: its answer is needed when the input is checked and the server is there. */
function beginLook({ endpoint, endpoints }: Request, { env, interrupt }: Io): Looking {
  const ended = new AbortController();
  const signal = AbortSignal.any([interrupt, ended.signal]);
  const look = import('./endpoint-look.js').then((module) =>
    endpoints === undefined
      ? module.lookAtEndpoint(endpoint, { env, interrupt: signal })
      : module.lookAtEndpoints(endpoints.worker, signal),
  );
  look.catch(() => undefined);
  return { look, end: async () => ended.abort() };
}

/** Checks everything that can be checked without the input. Touches nothing. Throws a `UserError`. */
export async function checkRequest(
  inputs: readonly string[],
  flags: BatchFlags,
  settings: TemporalSettings,
  io: Io,
): Promise<Request> {
  const given = await optionsFromFlags(flags, io.interrupt);
  // On a cluster its workers have the keys.
  const { endpoint, file } = await runEndpointsFromFlags(flags, io, settings.kind === 'embedded' || flags.dryRun);
  if (flags.id !== undefined) checkRunId(flags.id);
  checkScheduling(flags);
  checkTaskQueue(flags);
  checkCanary(flags, inputs, io);
  checkWebhookFlag(flags, settings, io.env);
  const asked = withConstantSystem({
    read: await readOptionsOf(flags, io.interrupt),
    options: withEndpoints(given, file),
  });
  const { interrupt, env } = io;
  const format = await formatFrom(wantedFrom(flags), io);
  await saidOfFormats(() => requireSchema(format, asked.options.schema !== undefined));
  const { output, schemaFile } = flags;
  const places = placesOf(flags, env);
  await checkOutput(output, { inputs: await namedFiles(inputs), schemaFile, places, format, env });
  const usable = await usablePlaces(flags, env);
  return {
    flags,
    ...asked,
    endpoint,
    ...(file === undefined ? {} : { endpoints: file }),
    format,
    interrupt,
    roots: attachmentRoots(flags),
    reuse: await reuseChoice(inputs, flags.reuse, usable.storage),
    ...usable,
  };
}

/** Reads and checks the whole input. Throws a `UserError` with every problem. */
export async function scanRequest(
  inputs: readonly string[],
  { options, read, roots, reuse, storage, dataDir }: Request,
  reporter: Reporter,
  io: Io,
  measure?: Measure,
): Promise<ScannedFile> {
  const say = saying(reporter);
  const onProgress = ({ bytes, items, total }: ScanProgress): void =>
    say(() => {
      const of = total === undefined ? '' : ` of ${megabytes(total)}`;
      return `checking the input: ${megabytes(bytes)}${of} MB, ${items.toLocaleString('en')} items`;
    });
  const measuring = measure === undefined ? {} : { measure };
  return await scanFiles(inputs, {
    options,
    read,
    env: io.env,
    roots,
    reuse: reuse.from,
    storage,
    dataDir,
    stdin: io.stdin,
    signal: io.interrupt,
    onProgress,
    ...measuring,
  });
}

/** What starting a run has beside the request. */
interface Starting {
  readonly reporter: Reporter;
  readonly look: Promise<EndpointLook>;
}

async function startOrGoOn(
  session: Session,
  given: ScannedFile,
  request: Request,
  { reporter, look }: Starting,
): Promise<Visit> {
  const { storage, flags, endpoint, endpoints, format } = request;
  const runId = idOf(given, request);
  const handle = session.batches.handle(runId);
  const { status, manifest, pace } = await findEarlier(handle, given, request);
  const staged = manifest !== undefined;
  if (staged) await warnOfChanges(runId, given, storage, reporter);
  const taskQueue = flags.taskQueue ?? (session.embedded ? runId : undefined);
  const { items } = given.scan.manifest;
  const { output, yes, onPause, onComplete } = flags;
  const leaving = {
    ...(onPause === undefined ? {} : { onPause }),
    ...(onComplete === undefined ? {} : { onComplete }),
  };
  const several = endpoints === undefined ? {} : { endpoints: endpoints.worker };
  const visit = { runId, handle, storage, endpoint, ...several, taskQueue, output, format, yes, items, ...leaving };
  if (status === 'COMPLETED' && staged) return { ...visit, found: 'finished' };
  // What is lost must be there again before a worker looks for it: an attachment that is not there fails its items.
  if (staged) await stageAgain(runId, manifest, given, request, reporter);
  // A run that was begun goes on whatever the endpoint lists now: it waits for what it needs.
  const isNew = !staged && status !== 'RUNNING';
  if (isNew) await refuseWithoutSource(runId, given, request);
  const scanned = isNew ? await checkEndpoint(given, request, await look, session.embedded) : given;
  // Loading the workflow code takes a while: meanwhile a new input is staged and the run started.
  const worker = workerFor(visit, session, (message) => reporter.warn(message));
  worker.catch(() => undefined);
  if (status !== 'RUNNING' && flags.searchAttributes) await checkSearchAttributes(session);
  if (status === 'RUNNING') {
    if (pace !== undefined) reporter.warn(pace);
    return { ...visit, found: 'running', worker };
  }
  if (!staged) await stageRun(runId, scanned, request, reporter);
  const start = startOf(runId, scanned, request, { taskQueue, embedded: session.embedded });
  await keepSettings(start, inputKey(given.scan.manifest.sha256), request);
  await session.batches.start(start);
  if (staged) reporter.note('an earlier run left answers: they are kept, only the rest is asked');
  return { ...visit, found: 'new', worker };
}

/** Warns of attached files that are not those any more that the run was started with. */
async function warnOfChanges(
  runId: string,
  { scan: { stamps } }: ScannedFile,
  storage: Storage,
  reporter: Reporter,
): Promise<void> {
  const count = await countChangedFiles(storage, runId, stamps);
  if (count === 0) return;
  const what = count === 1 ? '1 attached file has' : `${count.toLocaleString('en')} attached files have`;
  reporter.warn(
    `${what} changed since the run was started: it has answers of what was there, or fails the item; to ask about them as they are now, give another --id`,
  );
}

/**
 * Checks what a look at the endpoint tells of a new run. Returns the input, with error lines for the items that no model
 * takes if invalid ones are skipped. Throws a `UserError` for a run that cannot succeed.
 */
async function checkEndpoint(
  scanned: ScannedFile,
  request: Request,
  look: EndpointLook,
  isOurKey: boolean,
): Promise<ScannedFile> {
  const { endpointProblem, unservedItems } = await import('./preflight.js');
  const { scan, name, readRange } = scanned;
  const asked = askedOf(scanned, request, isOurKey);
  const problem = endpointProblem(look, asked);
  if (problem !== undefined) throw problem;
  refuseUnpriced(look, request);
  const unserved = unservedItems(look, asked);
  if (request.options.skipInvalid) return { ...scanned, scan: await skipUnserved(scan, unserved, readRange) };
  const lines = unservedLines(name, scan, unserved);
  if (lines !== undefined) throw new UserError(lines.message, { exitCode: 2, cause: lines });
  return scanned;
}

/** Throws a `UserError` for a run with a limit in money that may ask models whose price nobody has said. */
export function refuseUnpriced(look: EndpointLook, { options }: Pick<Request, 'options'>): void {
  const { maxCost, endpoints } = options;
  if (maxCost === undefined || endpoints === undefined || look.kind !== 'list') return;
  const unpriced = withoutPrice(targetModels(look.catalogue.models, options), endpoints);
  if (unpriced.length === 0) return;
  throw new UserError(`--max-cost: nobody has said the price of ${unpriced.slice(0, 5).join(', ')}`, {
    exitCode: 2,
    hint: 'Give input_price and output_price in the file of --endpoints, or the models to ask with models = […].',
  });
}

/** What a request asks of its endpoint. */
export function askedOf({ scan }: ScannedFile, { endpoint, options, flags }: Request, isOurKey: boolean): Asked {
  return {
    endpoint,
    model: options.model ?? scan.manifest.model,
    models: options.model === undefined ? (scan.manifest.models ?? []) : [],
    api: scan.manifest.api ?? 'chat',
    modalities: scan.manifest.chunks.map(dividedOf).reduce(addModalities, noModalityCounts()),
    yes: flags.yes,
    isOurKey,
  };
}

/** The id of the run that a request asks for. */
export function idOf({ scan, name, folder, roots }: ScannedFile, { flags, endpoint, options }: Request): string {
  const attachments = { folder, roots };
  return flags.id ?? runIdOf({ sha256: scan.manifest.sha256, name, endpoint, options, attachments });
}

/** What is there under the run's id. Throws a `UserError` when it is a run of another input or for other answers. */
async function findEarlier(
  handle: BatchHandle,
  { scan }: ScannedFile,
  { storage, options, endpoint, flags, reuse }: Request,
): Promise<{
  readonly status: string | undefined;
  /** What is staged of the run. */
  readonly manifest: Manifest | undefined;
  readonly pace: string | undefined;
}> {
  const found = await handle.describe();
  const manifest = await readManifest(storage, handle.id);
  if (manifest !== undefined && manifest.sha256 !== scan.manifest.sha256) throw otherInput(handle.id);
  const there = found === undefined ? undefined : readableMemoOf(found).request;
  const here = runRequestOf(options, endpoint, { ...flags, reuse: reuse.from });
  refuseOtherAnswers(handle.id, there, here);
  return { status: found?.status.name, manifest, pace: otherPace(handle.id, there, here) };
}

async function readManifest(storage: Storage, runId: string): Promise<Manifest | undefined> {
  try {
    return await readStagedManifest(storage, runId);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'DAMAGED') throw error;
    const hint = `Give another --id: the run is then done anew. Answers so far are under ${runDirectory(runId).prefix}.`;
    throw new UserError(error.message, { exitCode: 1, hint, cause: error });
  }
}

function startOf(
  id: string,
  { scan: { manifest }, name, folder, roots }: ScannedFile,
  { options, endpoint, flags, storage, reuse }: Request,
  run: { readonly taskQueue: string | undefined; readonly embedded: boolean },
): StartBatch {
  const { items, model = options.model, api = options.api } = manifest;
  return {
    id,
    ...(run.taskQueue === undefined ? {} : { taskQueue: run.taskQueue }),
    ...(flags.priority === undefined ? {} : { priority: flags.priority }),
    ...(flags.weight === undefined ? {} : { weight: flags.weight }),
    title: `${name} · ${items} ${items === 1 ? 'item' : 'items'}`,
    details: `Input \`${name}\`, ${items} items, for ${endpoint}.`,
    memo: {
      items,
      endpoint,
      input: name,
      concurrency: options.concurrency,
      request: runRequestOf(options, endpoint, { ...flags, reuse: reuse.from }),
      ...notedOutput(flags),
    },
    input: {
      input: inputKey(manifest.sha256),
      // As the items name them: then no list is needed, or the right one.
      options: { ...options, model: options.model ?? model, api },
      attachments: { folder, roots: [...roots], staged: attachmentsAreStaged(manifest, storage) },
      ...(options.endpoints === undefined ? { endpoint } : {}),
      ...reuseInput(reuse),
      ...(flags.searchAttributes ? { searchAttributes: true } : {}),
      ...webhookFromFlags(flags),
      ...heartbeatOf(flags, run.embedded),
      // Its task queue has its own name: no other run shares its worker.
    },
  };
}

/**
 * Stores what a run may read where others cannot change it: a worker on the embedded server goes by that, also for a run that
 * came to it by `--address`.
 */
async function keepSettings(
  { id, input }: StartBatch,
  key: string,
  { options, storage }: Pick<Request, 'options' | 'storage'>,
): Promise<void> {
  const { api } = input.options ?? {};
  await putSettings(storage, id, { ...settingsOf(input, { ...options, api }, storage), input: key });
}

function heartbeatOf({ heartbeatTimeout }: BatchFlags, embedded: boolean): { readonly heartbeatTimeoutMs?: number } {
  if (heartbeatTimeout !== undefined) return { heartbeatTimeoutMs: Math.round(heartbeatTimeout * 1000) };
  return embedded ? { heartbeatTimeoutMs: EMBEDDED_HEARTBEAT_MS } : {};
}

/** The refusal of an id whose run has another input. */
export function otherInput(runId: string): UserError {
  return new UserError(`the id ${runId} belongs to a run of another input`, {
    exitCode: 2,
    hint: 'Give another --id, or none: the id then follows from the input and the options.',
  });
}
