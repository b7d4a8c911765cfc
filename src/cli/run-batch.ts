import { resolve } from 'node:path';
import type { Manifest } from '../batch/manifest.js';
import type { BatchOptions } from '../batch/options.js';
import type { BatchHandle, StartBatch } from '../client.js';
import { readStagedManifest } from '../input/stage.js';
import { inputKey, runDirectory } from '../storage/run-directory.js';
import { type Storage, StorageError } from '../storage/storage.js';
import {
  attachmentRoots,
  checkRunId,
  checkScheduling,
  endpointFromFlags,
  optionsFromFlags,
  runIdOf,
} from './batch-request.js';
import { checkCanary } from './canary-review.js';
import { Cleanup } from './cleanup.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { openReporter } from './open-reporter.js';
import { checkOutput } from './output.js';
import { usablePlaces } from './places.js';
import type { BatchFlags } from './run-flags.js';
import { runMemoSchema } from './run-memo.js';
import { otherPace, refuseOtherAnswers, runRequestOf } from './same-run.js';
import { type ScannedFile, type ScanProgress, scanFile } from './scan-file.js';
import { openSession, type Session } from './session.js';
import { attachmentsAreStaged, megabytes, saying, stageAgain, stageRun } from './stage-run.js';
import { checkTaskQueue } from './temporal-flags.js';
import { temporalSettings } from './temporal-settings.js';
import type { Reporter } from './terminal/reporter.js';
import { type Visit, visitRun, workerFor } from './visit-run.js';

/** Heartbeat time-out on the embedded server, ms: heartbeats cost nothing there, and a restart should not wait. */
const EMBEDDED_HEARTBEAT_MS = 10_000;

/** What the flags ask for, checked. */
export interface Request {
  readonly flags: BatchFlags;
  readonly options: BatchOptions;
  readonly endpoint: string;
  readonly roots: readonly string[];
  readonly dataDir: string;
  readonly storage: Storage;
  /** Aborted when the command shall end. */
  readonly interrupt: AbortSignal;
}

/** Runs `batch`: checks everything, starts the run or goes on with it, and delivers its results. Returns the exit code. */
export async function runBatch(file: string, flags: BatchFlags, io: Io): Promise<number> {
  const settings = temporalSettings(flags, io.env);
  const request = await checkRequest(file, flags, io);
  const cleanup = new Cleanup();
  try {
    const reporter = cleanup.add(openReporter(flags.json, io), (opened) => opened.close());
    const scanned = cleanup.add(await scanRequest(file, request, reporter, io), (opened) => opened.dispose());
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
    return await visitRun(await startOrGoOn(session, scanned, request, reporter), session, reporter, io);
  } finally {
    await cleanup.run();
  }
}

/** Checks everything that can be checked without the input. Touches nothing. Throws a `UserError`. */
export async function checkRequest(file: string, flags: BatchFlags, io: Io): Promise<Request> {
  const options = await optionsFromFlags(flags);
  const endpoint = endpointFromFlags(flags.baseUrl, io.env);
  if (flags.id !== undefined) checkRunId(flags.id);
  checkScheduling(flags);
  checkTaskQueue(flags);
  checkCanary(flags, file, io);
  await checkOutput(flags.output, file);
  const { interrupt, env } = io;
  return { flags, options, endpoint, interrupt, roots: attachmentRoots(flags), ...(await usablePlaces(flags, env)) };
}

/** Reads and checks the whole input. Throws a `UserError` with every problem. */
export async function scanRequest(
  file: string,
  { options, roots, storage }: Request,
  reporter: Reporter,
  io: Io,
  measure?: (prompt: string) => number,
): Promise<ScannedFile> {
  const say = saying(reporter);
  const onProgress = ({ bytes, items, total }: ScanProgress): void =>
    say(() => {
      const of = total === undefined ? '' : ` of ${megabytes(total)}`;
      return `checking the input: ${megabytes(bytes)}${of} MB, ${items.toLocaleString('en')} items`;
    });
  const measuring = measure === undefined ? {} : { measure };
  return await scanFile(file, {
    options,
    roots,
    storage,
    stdin: io.stdin,
    signal: io.interrupt,
    onProgress,
    ...measuring,
  });
}

async function startOrGoOn(
  session: Session,
  scanned: ScannedFile,
  request: Request,
  reporter: Reporter,
): Promise<Visit> {
  const { storage, flags, endpoint } = request;
  const runId = idOf(scanned, request);
  const handle = session.batches.handle(runId);
  const { status, manifest, pace } = await findEarlier(handle, scanned, request);
  const staged = manifest !== undefined;
  const taskQueue = flags.taskQueue ?? (session.embedded ? runId : undefined);
  const { items } = scanned.scan.manifest;
  const visit = { runId, handle, storage, endpoint, taskQueue, output: flags.output, yes: flags.yes, items };
  if (status === 'COMPLETED' && staged) return { ...visit, found: 'finished' };
  // What is lost must be there again before a worker looks for it: an attachment that is not there fails its items.
  if (staged) await stageAgain(runId, manifest, scanned, request, reporter);
  // Loading the workflow code takes a while: meanwhile a new input is staged and the run started.
  const worker = workerFor(visit, session, reporter);
  worker.catch(() => undefined);
  if (status === 'RUNNING') {
    if (pace !== undefined) reporter.warn(pace);
    return { ...visit, found: 'running', worker };
  }
  if (!staged) await stageRun(runId, scanned, request, reporter);
  const run = { recover: staged, taskQueue, embedded: session.embedded };
  await session.batches.start(startOf(runId, scanned, request, run));
  if (staged) reporter.note('an earlier run left answers: they are kept, only the rest is asked');
  return { ...visit, found: 'new', worker };
}

/** The id of the run that a request asks for. */
export function idOf({ scan, name, folder }: ScannedFile, { flags, endpoint, options, roots }: Request): string {
  const attachments = { folder, roots };
  return flags.id ?? runIdOf({ sha256: scan.manifest.sha256, name, endpoint, options, attachments });
}

/** What is there under the run's id. Throws a `UserError` when it is a run of another input or for other answers. */
async function findEarlier(
  handle: BatchHandle,
  { scan }: ScannedFile,
  { storage, options, endpoint }: Request,
): Promise<{
  readonly status: string | undefined;
  /** What is staged of the run. */
  readonly manifest: Manifest | undefined;
  readonly pace: string | undefined;
}> {
  const found = await handle.describe();
  const manifest = await readManifest(storage, handle.id);
  if (manifest !== undefined && manifest.sha256 !== scan.manifest.sha256) throw otherInput(handle.id);
  const there = runMemoSchema.parse(found?.memo ?? {}).request;
  const here = runRequestOf(options, endpoint);
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
  { scan: { manifest }, name, folder }: ScannedFile,
  { options, endpoint, roots, flags, storage }: Request,
  run: { readonly recover: boolean; readonly taskQueue: string | undefined; readonly embedded: boolean },
): StartBatch {
  const { items } = manifest;
  return {
    id,
    ...(run.taskQueue === undefined ? {} : { taskQueue: run.taskQueue }),
    ...(flags.priority === undefined ? {} : { priority: flags.priority }),
    title: `${name} · ${items} ${items === 1 ? 'item' : 'items'}`,
    details: `Input \`${name}\`, ${items} items, for ${endpoint}.`,
    memo: {
      items,
      endpoint,
      input: name,
      concurrency: options.concurrency,
      request: runRequestOf(options, endpoint),
      ...(flags.output === undefined ? {} : { output: resolve(flags.output) }),
    },
    input: {
      input: inputKey(manifest.sha256),
      options,
      attachments: { folder, roots: [...roots], staged: attachmentsAreStaged(manifest, storage) },
      endpoint,
      recover: run.recover,
      ...heartbeatOf(flags, run.embedded),
      // Its task queue has its own name: no other run shares its worker.
      ...(run.embedded && flags.taskQueue === undefined ? { widePacks: true } : {}),
    },
  };
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
