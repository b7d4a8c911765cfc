import { timingSafeEqual } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { encodeMessage, type KeeperMessage, onLines } from './messages.js';
import { portOf } from './ports.js';

/** A connection that has not shown its token by then is closed. */
const TOKEN_TIMEOUT_MS = 2_000;

/**
 * The commands that use the server: one open loopback connection each. The kernel closes it when a command ends or is
 * killed, so there is nothing a killed command could leave behind.
 */
export class Members {
  readonly #sockets = new Set<Socket>();
  readonly #changes = new EventEmitter();
  readonly #server: Server;
  #current: KeeperMessage = { type: 'step', message: 'Starting the local Temporal server' };

  private constructor(private readonly token: string) {
    this.#server = createServer((socket) => this.#greet(socket));
  }

  /** Listens on a free loopback port for members that know the token. */
  static async listen(token: string): Promise<Members> {
    const members = new Members(token);
    members.#server.listen(0, '127.0.0.1');
    await once(members.#server, 'listening');
    return members;
  }

  /** The loopback port to join on. */
  get port(): number {
    return portOf(this.#server);
  }

  /** How many commands use the server now. */
  get count(): number {
    return this.#sockets.size;
  }

  /** Tells every member, and those that come before the next announcement. */
  announce(message: KeeperMessage): void {
    this.#current = message;
    for (const socket of this.#sockets) socket.write(encodeMessage(message));
  }

  /** Tells every member a last word and closes all connections. */
  async close(message: KeeperMessage): Promise<void> {
    this.#server.close();
    this.#current = message;
    const sockets = [...this.#sockets];
    await Promise.all(
      sockets.map((socket) => new Promise((done) => socket.end(encodeMessage(message), () => done(0)))),
    );
  }

  /** Resolves when a member comes. */
  async arrival(signal: AbortSignal): Promise<void> {
    await once(this.#changes, 'arrival', { signal }).catch(() => undefined);
  }

  /** Resolves when there has been no member for `graceMs`, or when the signal is given. */
  abandoned(graceMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const look = (): void => {
        clearTimeout(timer);
        if (this.count === 0) timer = setTimeout(end, graceMs);
      };
      const end = (): void => {
        clearTimeout(timer);
        this.#changes.off('arrival', look).off('departure', look);
        signal.removeEventListener('abort', end);
        resolve();
      };
      signal.addEventListener('abort', end);
      this.#changes.on('arrival', look).on('departure', look);
      look();
    });
  }

  #greet(socket: Socket): void {
    socket.setNoDelay(true);
    // A member that was killed resets its connection; the close event is all we need.
    socket.on('error', () => undefined);
    const timer = setTimeout(() => socket.destroy(), TOKEN_TIMEOUT_MS);
    onLines(socket, (line) => {
      clearTimeout(timer);
      if (isSame(line, this.token)) this.#admit(socket);
      else socket.destroy();
    });
    socket.once('close', () => {
      clearTimeout(timer);
      if (this.#sockets.delete(socket)) this.#changes.emit('departure');
    });
  }

  #admit(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.write(encodeMessage({ type: 'hello' }) + encodeMessage(this.#current));
    this.#changes.emit('arrival');
  }
}

function isSame(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
