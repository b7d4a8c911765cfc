import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Ports of a server: gRPC frontend and Web UI, both on 127.0.0.1. */
export interface ServerPorts {
  readonly port: number;
  readonly uiPort: number;
}

/**
 * Two free loopback ports, the preferred ones where they are free, so that a link to the Web UI stays good. New ones
 * are drawn from 20000-29999: below the range that systems hand out to outgoing connections, so nobody gets them by
 * chance before the next start.
 */
export async function choosePorts(preferred?: ServerPorts): Promise<ServerPorts> {
  const first = await holdPort(preferred?.port);
  const second = await holdPort(preferred?.uiPort);
  const ports = { port: portOf(first), uiPort: portOf(second) };
  await Promise.all([release(first), release(second)]);
  return ports;
}

async function holdPort(preferred: number | undefined): Promise<Server> {
  const candidates = [preferred ?? drawPort(), ...Array.from({ length: 8 }, drawPort), 0];
  for (const port of candidates) {
    const server = await tryListen(port);
    if (server) return server;
  }
  throw new Error('no free port on 127.0.0.1');
}

function drawPort(): number {
  return randomInt(20_000, 30_000);
}

async function tryListen(port: number): Promise<Server | undefined> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}

/** The TCP port a server listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
  return address.port;
}

async function release(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
