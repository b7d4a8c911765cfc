import { resolve } from 'node:path';
import type { BatchOptions } from '../batch/options.js';
import type { BatchHandle, StartBatch } from '../client.js';
import { readStagedManifest } from '../input/stage.js';
import { inputKey } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import {
  attachmentRoots,
  checkRunId,
  checkScheduling,
  endpointFromFlags,
  optionsFromFlags,
  runIdOf,
} from './batch-request.js';
import { Cleanup } from './cleanup.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { openReporter } from './open-reporter.js';
import { checkOutput } from './output.js';
import { usablePlaces } from './places.js';
import type { BatchFlags } from './run-flags.js';
import { runMemoSchema } from './run-memo.js';
import { otherPace, refuseOtherAnswers, runRequestOf } from './same-run.js';
import { type ScannedFile, scanFile } from './scan-file.js';
import { openSession, type Session } from './session.js';
import { attachmentsAreStaged, stageRun } from './stage-run.js';
import { temporalSettings } from './temporal-settings.js';
import type { Reporter } from './terminal/reporter.js';
import { type Visit, visitRun, workerFor } from './visit-run.js';

/** Heartbeat time-out on the embedded server, ms: heartbeats cost nothing there, and a restart should not wait. */
const EMBEDDED_HEARTBEAT_MS = 10_000;

/** What the flags ask for, checked. */
interface Request {
  readonly flags: BatchFlags;
  readonly options: BatchOptions;
  readonly endpoint: string;
  readonly roots: readonly string[];
  readonly dataDir: string;
  readonly storage: Storage;
}

/** Runs `batch`: checks everything, starts the run or goes on with it, and delivers its results. Returns the exit code. */
export async function runBatch(file: string, flags: BatchFlags, io: Io): Promise<number> {
  const settings = temporalSettings(flags, io.env);
  const request = await checkRequest(file, flags, io);
  const cleanup = new Cleanup();
  try {
    const reporter = cleanup.add(openReporter(flags.json, io), (opened) => opened.close());
    const scanned = cleanup.add(await scan(file, request, reporter, io), (opened) => opened.dispose());
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

async function checkRequest(file: string, flags: BatchFlags, io: Io): Promise<Request> {
  const options = await optionsFromFlags(flags);
  const endpoint = endpointFromFlags(flags.baseUrl, io.env);
  if (flags.id !== undefined) checkRunId(flags.id);
  checkScheduling(flags);
  await checkOutput(flags.output, file);
  return { flags, options, endpoint, roots: attachmentRoots(flags), ...(await usablePlaces(flags, io.env)) };
}

async function scan(file: string, { options, roots }: Request, reporter: Reporter, io: Io): Promise<ScannedFile> {
  let said = 0;
  const onProgress = ({ bytes, items }: { bytes: number; items: number }): void => {
    // A large input takes a while to read: say so, at most every few hundred megabytes.
    if (bytes - said < 256_000_000) return;
    said = bytes;
    reporter.note(`checking the input: ${Math.round(bytes / 1e6)} MB, ${items} items`);
  };
  return await scanFile(file, { options, roots, stdin: io.stdin, signal: io.interrupt, onProgress });
}

async function startOrGoOn(
  session: Session,
  scanned: ScannedFile,
  request: Request,
  reporter: Reporter,
): Promise<Visit> {
  const { storage, flags, endpoint, options } = request;
  const runId = idOf(scanned, request);
  const handle = session.batches.handle(runId);
  const { status, staged, pace } = await findEarlier(handle, scanned, request);
  const taskQueue = flags.taskQueue ?? (session.embedded ? runId : undefined);
  const { concurrency } = options;
  const { items } = scanned.scan.manifest;
  const visit = { runId, handle, storage, endpoint, taskQueue, concurrency, output: flags.output, items };
  if (status === 'COMPLETED' && staged) return { ...visit, found: 'finished' };
  // Loading the workflow code takes a while: meanwhile the input is staged and the run started.
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

function idOf({ scan, name, folder }: ScannedFile, { flags, endpoint, options, roots }: Request): string {
  const attachments = { folder, roots };
  return flags.id ?? runIdOf({ sha256: scan.manifest.sha256, name, endpoint, options, attachments });
}

/** What is there under the run's id. Throws a `UserError` when it is a run of another input or for other answers. */
async function findEarlier(
  handle: BatchHandle,
  { scan }: ScannedFile,
  { storage, options, endpoint }: Request,
): Promise<{ readonly status: string | undefined; readonly staged: boolean; readonly pace: string | undefined }> {
  const found = await handle.describe();
  const staged = await readStagedManifest(storage, handle.id);
  if (staged !== undefined && staged.sha256 !== scan.manifest.sha256) throw otherInput(handle.id);
  const there = runMemoSchema.parse(found?.memo ?? {}).request;
  const here = runRequestOf(options, endpoint);
  refuseOtherAnswers(handle.id, there, here);
  return { status: found?.status.name, staged: staged !== undefined, pace: otherPace(there, here) };
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

function otherInput(runId: string): UserError {
  return new UserError(`the id ${runId} belongs to a run of another input`, {
    exitCode: 2,
    hint: 'Give another --id, or none: the id then follows from the input and the options.',
  });
}
