import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const LOCALHOST = '127.0.0.1';

/** An address of this machine that no other machine reaches. */
export interface LoopbackAddress {
  readonly host: string;
  readonly port: number;
}

/** Where a server listens that clients use. */
export interface ServerPorts {
  /** Port of the gRPC frontend, on 127.0.0.1. */
  readonly port: number;
  /** Address of the server's own Web UI, which the gate stands before. */
  readonly ui: LoopbackAddress;
}

/** All that a server listens on. */
export interface StartPorts extends ServerPorts {
  /** Ports of the HTTP API and of the metrics, on 127.0.0.1: nobody uses them, and neither can be switched off. */
  readonly httpPort: number;
  readonly metricsPort: number;
}

/**
 * Ports that every browser refuses to connect to (the "bad ports" of the Fetch standard), those of NFS and X11 left out.
 * What listens there without a check of its own is out of reach of web pages.
 */
const REFUSED_BY_BROWSERS = [
  ...[1719, 1720, 1723, 3659, 4045, 4190, 5060, 5061, 6566],
  ...[6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080],
];

/**
 * Chooses free loopback ports; the frontend gets the preferred one if it is free. The others are such that no browser
 * connects to, as long as there are any.
 */
export async function choosePorts(preferred?: number): Promise<StartPorts> {
  const frontend = await holdPort(createServer(), preferred);
  const ui = await holdRefused(otherHost());
  const http = await holdRefused(LOCALHOST);
  const metrics = await holdRefused(LOCALHOST);
  const ports = { port: portOf(frontend), ui: addressOf(ui), httpPort: portOf(http), metricsPort: portOf(metrics) };
  await Promise.all([frontend, ui, http, metrics].map(release));
  return ports;
}

/**
 * Makes a server listen on the preferred port of 127.0.0.1, or on another one that is free. New ones are drawn from
 * 20000-29999: below the range that systems hand out to outgoing connections, so nobody gets them by chance before the
 * next start.
 */
export async function holdPort<T extends Server>(server: T, preferred: number | undefined): Promise<T> {
  const ports = [preferred ?? drawPort(), ...Array.from({ length: 8 }, drawPort), 0];
  return await hold(
    server,
    ports.map((port) => ({ host: LOCALHOST, port })),
  );
}

/** Holds a port that browsers refuse: on the host, else on 127.0.0.1, where any other port is the last resort. */
async function holdRefused(host: string): Promise<Server> {
  const ports = REFUSED_BY_BROWSERS.map((port) => ({ port, order: randomInt(1 << 30) })).sort(
    (a, b) => a.order - b.order,
  );
  const refused = [...new Set([host, LOCALHOST])].flatMap((on) => ports.map(({ port }) => ({ host: on, port })));
  return await hold(createServer(), [...refused, { host: LOCALHOST, port: 0 }]);
}

/** Makes a server listen on the first of the addresses that is free. */
async function hold<T extends Server>(server: T, candidates: readonly LoopbackAddress[]): Promise<T> {
  for (const address of candidates) if (await tryListen(server, address)) return server;
  throw new Error(`no free port on ${LOCALHOST}`);
}

/** An address of 127.0.0.0/8 of its own, so that any number of servers find a port; macOS has 127.0.0.1 only. */
function otherHost(): string {
  if (process.platform === 'darwin') return LOCALHOST;
  return `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
}

function drawPort(): number {
  return randomInt(20_000, 30_000);
}

async function tryListen(server: Server, { host, port }: LoopbackAddress): Promise<boolean> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  }
}

/** The TCP port a server listens on. */
export function portOf(server: Server): number {
  return addressOf(server).port;
}

function addressOf(server: Server): LoopbackAddress {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP');
  return { host: address.address, port: address.port };
}

async function release(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
