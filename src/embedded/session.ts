import { connect, type Socket } from 'node:net';
import type { ServerPaths } from './data-dir.js';
import { EmbeddedServerError } from './errors.js';
import { keeperLockOwner } from './keeper-lock.js';
import { type KeeperMessage, onLines, PROTOCOL, parseMessage } from './messages.js';
import { type KeeperState, readKeeperState } from './state.js';

/** Where a ready server is. */
interface ServerPlace {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly uiUrl: string;
}

/** A member's connection to a keeper whose server is ready. */
export interface Session {
  /** Where the server is now: a restart moves it if its port was taken meanwhile. */
  readonly place: ServerPlace;
  /** Resolves when the connection is gone: the keeper ended or was killed, or we left. */
  readonly closed: Promise<void>;
  /** Gives the place up; resolves when the connection is closed. */
  close(): Promise<void>;
}

/** A keeper answers a token at once; its server may take 15 s, plus the time to adopt or stop another. */
const HELLO_TIMEOUT_MS = 2_000;
const READY_TIMEOUT_MS = 40_000;

/** A keeper that was stopped (SIGSTOP) would never answer our leaving. */
const LEAVE_TIMEOUT_MS = 500;

/**
 * Joins the running keeper and waits for its server. Undefined when there is no keeper yet, or it went away meanwhile.
 * Throws {@link EmbeddedServerError} when the keeper says that its server cannot be started, and the signal's reason
 * when it is given.
 */
export async function enterSession(
  paths: ServerPaths,
  onStep: (message: string) => void,
  signal: AbortSignal,
): Promise<Session | undefined> {
  const state = readKeeperState(paths.keeperState);
  // Only a port that the living keeper wrote: another program may have got an old one.
  if (!state || keeperLockOwner(paths.dir)?.pid !== state.pid) return undefined;
  if (state.protocol !== PROTOCOL) throw otherProtocol(paths);
  const conversation = new Conversation(state, onStep);
  const abort = (): void => conversation.end();
  signal.addEventListener('abort', abort);
  try {
    await conversation.settled;
  } finally {
    signal.removeEventListener('abort', abort);
  }
  signal.throwIfAborted();
  return conversation.session();
}

/** What a member and a keeper say to each other, from the token on. */
class Conversation {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #timer: NodeJS.Timeout;
  #place: ServerPlace | undefined;
  #settle: (error?: Error) => void = () => undefined;

  /** Resolves when the server is ready or the connection is gone; rejects when the keeper says why there is none. */
  readonly settled: Promise<void>;

  constructor(
    state: KeeperState,
    private readonly onStep: (message: string) => void,
  ) {
    this.settled = new Promise((resolve, reject) => {
      this.#settle = (error) => {
        clearTimeout(this.#timer);
        if (error) reject(error);
        else resolve();
      };
    });
    this.#timer = setTimeout(() => this.end(), HELLO_TIMEOUT_MS);
    this.#socket = connect({ host: '127.0.0.1', port: state.port, noDelay: true });
    // Refused or reset: the close event says all there is to know.
    this.#socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    void this.#closed.then(() => {
      this.#settle();
    });
    onLines(this.#socket, (line) => this.#hear(parseMessage(line)));
    this.#socket.write(`${state.token}\n`);
  }

  /** The session, or undefined when the connection closed before the server was ready. */
  session(): Session | undefined {
    const place = this.#place;
    if (!place) return undefined;
    const current = (): ServerPlace => this.#place ?? place;
    return {
      get place() {
        return current();
      },
      closed: this.#closed,
      close: () => this.#leave(),
    };
  }

  end(): void {
    this.#socket.destroy();
  }

  #hear(message: KeeperMessage | undefined): void {
    if (message?.type === 'hello') {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.end(), READY_TIMEOUT_MS);
    } else if (message?.type === 'step') {
      this.onStep(message.message);
    } else if (message?.type === 'ready') {
      this.#place = { address: message.address, uiUrl: message.uiUrl };
      this.#settle();
    } else if (message?.type === 'failed') {
      if (this.#place) this.onStep(message.message);
      this.#settle(new EmbeddedServerError(message.code, message.message));
    }
  }

  async #leave(): Promise<void> {
    this.#socket.end();
    const timer = setTimeout(() => this.end(), LEAVE_TIMEOUT_MS);
    await this.#closed;
    clearTimeout(timer);
  }
}

function otherProtocol(paths: ServerPaths): EmbeddedServerError {
  return new EmbeddedServerError(
    'START_FAILED',
    `Another version of dria-temporal uses the data directory ${paths.dataDir} at the moment. ` +
      'Wait for its commands to end, or choose another --data-dir.',
  );
}
