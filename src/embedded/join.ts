import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binary } from './binary/binary.js';
import { findBinary } from './binary/find.js';
import { diskFull, isDiskFull, prepareServerDir, type ServerPaths } from './data-dir.js';
import { EmbeddedServerError, messageOf } from './errors.js';
import { keeperLockOwner } from './keeper-lock.js';
import { type LaunchedKeeper, launchKeeper } from './launch.js';
import { enterSession, type Session } from './session.js';
import { readServerState } from './state.js';

/** A running Temporal server on this machine that this process shares with others. */
export interface EmbeddedServer {
  /** gRPC frontend, `127.0.0.1:port`. Stays the same when the server is started again, if its port is still free. */
  readonly address: string;
  /** Web UI, `http://127.0.0.1:port`. */
  readonly uiUrl: string;
  /**
   * Leaves. Resolves when this process no longer counts; the server is stopped about a second after the last one has
   * left, by its keeper. Idempotent, never rejects.
   */
  leave(): Promise<void>;
}

/** How to join. */
export interface JoinOptions {
  /** Absolute path, from `resolveDataDir`. Made when it is not there. */
  readonly dataDir: string;
  /** Where TEMPORAL_CLI_PATH, PATH and DRIA_TEMPORAL_CACHE are read from. */
  readonly env: NodeJS.ProcessEnv;
  /** One line per step worth telling (downloading, starting, starting again), also after the join. */
  readonly onStep: (message: string) => void;
  /** Gives up joining; has no effect afterwards. */
  readonly signal?: AbortSignal;
}

const POLL_MS = 20;

/** A keeper that does not open its door within this time is stuck; one that starts takes about 100 ms. */
const DOOR_TIMEOUT_MS = 20_000;
const MAX_LAUNCHES = 5;

/** Pauses between tries to come back after the keeper was lost. */
const REJOIN_PAUSES_MS = [0, 500, 1_000, 2_000, 5_000];

/**
 * Joins the Temporal server of a data directory, which is started when there is none: found or installed, its database
 * kept in `<dataDir>/server`. It lives until the last process that joined has left or died. If the process that looks
 * after it is killed, this one comes back to it (or to a new one) by itself.
 *
 * Throws {@link EmbeddedServerError} when there can be no server, and the signal's reason when it is given.
 */
export async function joinEmbeddedServer(options: JoinOptions): Promise<EmbeddedServer> {
  const paths = prepareServerDir(options.dataDir);
  const leaving = new AbortController();
  const joining = options.signal ? AbortSignal.any([options.signal, leaving.signal]) : leaving.signal;
  let session = await enter(paths, options, joining);

  const stay = async (): Promise<void> => {
    for (;;) {
      await session.closed;
      if (leaving.signal.aborted) return;
      session = await comeBack(paths, options, leaving.signal);
    }
  };
  const staying = stay().catch(() => undefined);
  const leave = async (): Promise<void> => {
    leaving.abort(new Error('left'));
    await session.close();
    await staying;
  };
  return {
    get address() {
      return session.place.address;
    },
    get uiUrl() {
      return session.place.uiUrl;
    },
    leave,
  };
}

async function comeBack(paths: ServerPaths, options: JoinOptions, signal: AbortSignal): Promise<Session> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await enter(paths, options, signal);
    } catch (error) {
      signal.throwIfAborted();
      options.onStep(`The local Temporal server is gone, trying again: ${messageOf(error)}`);
      await delay(REJOIN_PAUSES_MS[Math.min(tries, REJOIN_PAUSES_MS.length - 1)], undefined, { signal });
    }
  }
}

/** A place at the running keeper, or at one that is started here when there is none. */
async function enter(paths: ServerPaths, options: JoinOptions, signal: AbortSignal): Promise<Session> {
  signal.throwIfAborted();
  const launcher = new Launcher(paths, options, signal);
  for (;;) {
    const session = await enterSession(paths, options.onStep, signal);
    if (session) return session;
    await launcher.ensureKeeper();
    await delay(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Starts keepers until one stays, or it is clear that none will. */
class Launcher {
  #launched: LaunchedKeeper | undefined;
  #launches = 0;
  #deadline = performance.now() + DOOR_TIMEOUT_MS;

  constructor(
    private readonly paths: ServerPaths,
    private readonly options: JoinOptions,
    private readonly signal: AbortSignal,
  ) {}

  /** Launches a keeper when none runs. Throws when the last one failed, or a running one does not open its door. */
  async ensureKeeper(): Promise<void> {
    if (this.#launched?.failure !== undefined) throw keeperFailed(this.paths, this.#launched.failure);
    if (this.#launched?.isRunning || keeperLockOwner(this.paths.dir)) {
      if (performance.now() > this.#deadline) throw keeperFailed(this.paths, 'it does not answer');
      return;
    }
    if (this.#launches === MAX_LAUNCHES) throw keeperFailed(this.paths, `it ended ${MAX_LAUNCHES} times`);
    const binary = await locateBinary(this.paths, this.options, this.signal);
    this.#launched = launchKeeper(this.paths, binary, this.options.env);
    this.#launches += 1;
    this.#deadline = performance.now() + DOOR_TIMEOUT_MS;
  }
}

function locateBinary(paths: ServerPaths, { env, onStep }: JoinOptions, signal: AbortSignal): Promise<Binary> {
  const known = readServerState(paths.serverState)?.binary;
  const fallbackCache = join(paths.dataDir, 'cache');
  return findBinary({ env, fallbackCache, onStep, signal, ...(known && { known }) });
}

function keeperFailed(paths: ServerPaths, what: string): EmbeddedServerError {
  if (isDiskFull(paths)) return diskFull(paths);
  return new EmbeddedServerError(
    'START_FAILED',
    `The keeper of the local Temporal server could not do its work: ${what}. Its log is ${paths.log}.`,
  );
}
