import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** A port in front of a Temporal server: it can be cut, and it can be where TLS ends, as a cloud's front is. */
export class ServerLink {
  #cut = false;

  private constructor(
    private readonly server: Server,
    private readonly sockets: Set<Socket>,
    readonly port: number,
  ) {}

  /** Opens a port to `host:port`; with `tls`, one that only TLS enters. */
  static async open(target: string, tls?: TlsOptions): Promise<ServerLink> {
    const [host = '', port = ''] = target.split(':');
    const sockets = new Set<Socket>();
    let link: ServerLink | undefined;
    const pass = (near: Socket): void => {
      if (link?.isCut === true) {
        near.destroy();
        return;
      }
      const far = connect(Number(port), host);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket);
        socket
          .on('error', () => undefined)
          .on('close', () => {
            sockets.delete(socket);
            other.destroy();
          });
        socket.pipe(other);
      }
    };
    const server = tls === undefined ? createServer(pass) : createTlsServer({ ...tls, ALPNProtocols: ['h2'] }, pass);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no TCP port');
    link = new ServerLink(server, sockets, bound.port);
    return link;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  /** Ends all connections and lets no other through. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  restore(): void {
    this.#cut = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }
}
