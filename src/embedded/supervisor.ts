import type { Binary } from './binary/binary.js';
import { compareVersions } from './binary/version.js';
import type { ServerPaths } from './data-dir.js';
import { EmbeddedServerError, messageOf } from './errors.js';
import { raiseRetention } from './frontend.js';
import type { Members } from './members.js';
import { choosePorts } from './ports.js';
import { logSize, readLogSince, trimServerLog } from './server-log.js';
import {
  adoptServer,
  type ServerProcess,
  spawnServer,
  stopOrphans,
  stopServer,
  waitUntilServing,
} from './server-process.js';
import { explainFailedStart, isPortTaken, newerDatabase } from './start-errors.js';
import { readServerState, type ServerState, writeState } from './state.js';
import { UiGate } from './ui-gate.js';

/** What a supervisor is given. */
export interface SupervisorOptions {
  readonly paths: ServerPaths;
  readonly binary: Binary;
  readonly members: Members;
  /** Descriptor of the server log, open for appending. */
  readonly log: number;
  /** Given when the keeper itself is told to end: the server is then stopped, members or not. */
  readonly signal: AbortSignal;
}

/** What it works with. */
interface Supervision extends SupervisorOptions {
  readonly gate: UiGate;
}

const START_TIMEOUT_MS = 15_000;
const ADOPT_TIMEOUT_MS = 3_000;

/** How long the server stays when nobody uses it: the next command of a script should find it running. */
const GRACE_MS = 1_000;

/** A server that ends this often, each time within this time of its start, is given up. */
const MAX_SHORT_LIVES = 5;
const SHORT_LIFE_MS = 10_000;

const LOG_CHECK_MS = 60_000;

/**
 * Keeps one server running for as long as there are members, then stops it and resolves. An orphan on the same
 * database is adopted, a server that dies is started again on the same ports. Throws {@link EmbeddedServerError} when
 * the server cannot be started or does not stay up.
 */
export async function supervise(given: SupervisorOptions): Promise<void> {
  const gate = await UiGate.open(readServerState(given.paths.serverState)?.uiPort);
  const options = { ...given, gate };
  const logTimer = setInterval(() => trimServerLog(options.log), LOG_CHECK_MS);
  let shortLives = 0;
  try {
    for (;;) {
      const start = performance.now();
      const server = await startServer(options);
      const end = await untilEnd(server, options);
      if (end === 'abandoned') {
        if (await stopUnlessNeeded(server, options)) return;
        continue;
      }
      shortLives = performance.now() - start < SHORT_LIFE_MS ? shortLives + 1 : 0;
      if (shortLives >= MAX_SHORT_LIVES) throw doesNotStayUp(options);
      options.members.announce({ type: 'step', message: 'The local Temporal server died; starting it again' });
    }
  } finally {
    clearInterval(logTimer);
    gate.close();
  }
}

async function untilEnd(server: ServerProcess, options: SupervisorOptions): Promise<'died' | 'abandoned'> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, options.signal]);
  const died = server.exited.then(() => 'died' as const);
  const abandoned = options.members.abandoned(GRACE_MS, signal).then(() => 'abandoned' as const);
  const end = await Promise.race([died, abandoned]);
  over.abort();
  return options.signal.aborted ? 'abandoned' : end;
}

/** Stops the server. False when a member came meanwhile, which then needs a new one. */
async function stopUnlessNeeded(server: ServerProcess, options: SupervisorOptions): Promise<boolean> {
  const over = new AbortController();
  // Nobody hears this now; it is what a member that comes during the stop is told instead of "ready".
  options.members.announce({ type: 'step', message: 'Starting the local Temporal server' });
  await stopServer(
    server,
    options.signal.aborted ? new Promise(() => undefined) : options.members.arrival(over.signal),
  );
  over.abort();
  await stopOrphans(options.paths);
  return options.members.count === 0 || options.signal.aborted;
}

async function startServer(options: Supervision): Promise<ServerProcess> {
  const { paths, members, gate } = options;
  const state = readServerState(paths.serverState);
  const adopted = await adoptServer(paths, ADOPT_TIMEOUT_MS);
  const server = adopted ?? (await startNew(options, state));
  gate.leadTo(server.ui);
  const next = nextState(server.port, options, state, adopted !== undefined);
  remember(paths, next);
  members.announce({ type: 'ready', address: `127.0.0.1:${server.port}`, uiUrl: `http://127.0.0.1:${gate.port}` });
  if (!next.retentionRaised) void raiseRetentionOnce(server, paths, next);
  return server;
}

async function startNew(options: SupervisorOptions, state: ServerState | undefined): Promise<ServerProcess> {
  const { paths, binary } = options;
  if (state && compareVersions(binary.serverVersion, state.databaseVersion) < 0) {
    throw newerDatabase(paths, state.databaseVersion, binary.serverVersion);
  }
  const first = await tryStart(options, state);
  if (typeof first !== 'string') return first;
  // Somebody took the port between the choice and the start: once more, on new ones.
  const second = isPortTaken(first) ? await tryStart(options, undefined) : first;
  if (typeof second !== 'string') return second;
  throw explainFailedStart(paths, 'ended at once', second);
}

/** The serving server, or what it logged before it ended. Throws when it neither serves nor ends. */
async function tryStart(
  { paths, binary, log }: SupervisorOptions,
  state: ServerState | undefined,
): Promise<ServerProcess | string> {
  const logStart = logSize(paths.log);
  const server = await spawnServer(binary, paths, await choosePorts(state?.port), log).catch((cause: unknown) => {
    throw new EmbeddedServerError('BINARY', `${binary.path} cannot be run: ${messageOf(cause)}`, { cause });
  });
  const outcome = await waitUntilServing(server, START_TIMEOUT_MS);
  if (outcome === 'serving') return server;
  if (outcome === 'exited') return readLogSince(paths.log, logStart);
  await stopServer(server, Promise.resolve());
  const seconds = START_TIMEOUT_MS / 1_000;
  throw explainFailedStart(paths, `did not answer within ${seconds} s`, readLogSince(paths.log, logStart));
}

function nextState(
  port: number,
  { binary, gate }: Supervision,
  last: ServerState | undefined,
  adopted: boolean,
): ServerState {
  const databaseVersion = adopted && last ? last.databaseVersion : binary.serverVersion;
  return { port, uiPort: gate.port, binary, databaseVersion, retentionRaised: last?.retentionRaised ?? false };
}

/** Not part of being ready: until the answer comes, closed runs would be kept for a day, which is long enough. */
async function raiseRetentionOnce(server: ServerProcess, paths: ServerPaths, state: ServerState): Promise<void> {
  try {
    await raiseRetention(server.port);
    remember(paths, { ...state, retentionRaised: true });
  } catch (error) {
    process.stderr.write(`dria-temporal keeper: retention not raised, tried again next time: ${messageOf(error)}\n`);
  }
}

/** The state only spares work next time: a server that runs is not given up because it could not be written. */
function remember(paths: ServerPaths, state: ServerState): void {
  try {
    writeState(paths.serverState, state);
  } catch (error) {
    process.stderr.write(`dria-temporal keeper: ${paths.serverState} not written: ${messageOf(error)}\n`);
  }
}

function doesNotStayUp({ paths }: SupervisorOptions): EmbeddedServerError {
  const log = readLogSince(paths.log, 0);
  return explainFailedStart(
    paths,
    `ended ${MAX_SHORT_LIVES} times within ${SHORT_LIFE_MS / 1_000} s of its start`,
    log,
  );
}
