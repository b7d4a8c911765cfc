import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { UserError } from './errors.js';
import { hostAndPort, type ListenAddress } from './listen-address.js';

/** A server that tells whoever looks after a process how it is. */
export interface HealthServer {
  /** Where it listens, `host:port`. */
  readonly address: string;
  close(): void;
}

/**
 * Answers `/healthz` while the process lives, and `/readyz` with 200 or with 503 and the reason that `unready` gives, as
 * Kubernetes asks. Throws a `UserError` for an address that cannot be listened on.
 */
export async function startHealthServer(
  { host, port }: ListenAddress,
  unready: () => Promise<string | undefined>,
): Promise<HealthServer> {
  const server = createServer(async ({ url }, response) => {
    if (url === '/healthz') answer(response, 200, { status: 'alive' });
    else if (url === '/readyz') answer(response, ...readiness(await unready()));
    else answer(response, 404, { error: 'there are /healthz and /readyz' });
  });
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const where = hostAndPort({ host, port });
    throw new UserError(`--health-address: cannot listen on ${where}`, { exitCode: 2, cause: error });
  }
  const bound = server.address();
  const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
  return {
    address: hostAndPort({ host, port: actual }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function readiness(reason: string | undefined): [number, object] {
  return reason === undefined ? [200, { status: 'ready' }] : [503, { status: 'not ready', reason }];
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
