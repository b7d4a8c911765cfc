import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Endpoint } from '../../src/dria/endpoint.js';
import { describeError } from '../../src/dria/errors.js';
import { always, ScriptedServer } from './scripted-server.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What a proxy does with a wish for a tunnel. */
type OnConnect = (socket: Duplex) => void;

/** A proxy that sends plain requests on to one port, does `onConnect` with wishes for a tunnel, and keeps what it was asked for. */
async function startProxy(port: number, onConnect: OnConnect, status?: number) {
  const asked: string[] = [];
  const proxy = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    if (status !== undefined) return response.writeHead(status).end();
    const { pathname } = new URL(incoming.url ?? '');
    const onward = request({ port, host: '127.0.0.1', path: pathname, method: incoming.method }, (answer) => {
      answer.pipe(response);
    });
    return incoming.pipe(onward);
  });
  proxy.on('connect', (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    socket.on('error', () => {});
    onConnect(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });
  return { asked, url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
}

/** Tunnels to a port. */
const tunnel =
  (port: number): OnConnect =>
  (socket) => {
    const target = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    target.on('error', () => socket.destroy());
    socket.pipe(target).pipe(socket);
  };

interface Setting {
  readonly environment?: Record<string, string>;
  readonly onConnect?: OnConnect;
  /** Answers plain requests with this status, instead of sending them on. */
  readonly status?: number;
}

async function modelsThrough(baseUrl: (server: ScriptedServer) => string, setting: Setting = {}) {
  const server = await new ScriptedServer(always(200, '{"data":[{"id":"m"}]}')).listen();
  cleanups.push(() => server.close());
  const proxy = await startProxy(server.port, setting.onConnect ?? tunnel(server.port), setting.status);
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'NO_PROXY']) vi.stubEnv(name, undefined);
  vi.stubEnv('HTTP_PROXY', proxy.url);
  vi.stubEnv('HTTPS_PROXY', proxy.url);
  for (const [name, value] of Object.entries(setting.environment ?? {})) vi.stubEnv(name, value);
  const endpoint = Endpoint.open({ baseUrl: baseUrl(server) });
  cleanups.push(() => endpoint.close());
  const models = await endpoint.models().catch((error: unknown) => describeError(error));
  return { models, asked: proxy.asked };
}

it('goes through the proxy that the environment names', async () => {
  const { models, asked } = await modelsThrough(() => 'http://api.invalid/v1', {
    onConnect: (socket) => socket.destroy(),
  });
  expect(models).toEqual([{ id: 'm', nodes: 1, modality: 'text' }]);
  expect(asked).toEqual(['GET http://api.invalid/v1/models']);
});

describe('a proxy that opens no tunnel is named at once, and is not asked without end', () => {
  it.each<[string, OnConnect, RegExp]>([
    [
      '405',
      (socket) => socket.end('HTTP/1.1 405 Method Not Allowed\r\n\r\n'),
      /^network: the proxy of HTTPS_PROXY or HTTP_PROXY opens no tunnel \(it answers CONNECT with 405\)$/,
    ],
    ['a connection closed', (socket) => socket.end(), /^network: the proxy of HTTPS_PROXY or HTTP_PROXY: it broke off/],
    ['a connection reset', (socket) => socket.destroy(), /^network: the proxy of HTTPS_PROXY or HTTP_PROXY: /],
    ['no HTTP', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), /^(network: the proxy|bad response)/],
  ])('%s', async (_, onConnect, words) => {
    const { models, asked } = await modelsThrough(() => 'https://api.invalid/v1', { onConnect });
    expect(models).toMatch(words);
    expect(asked.length).toBeLessThanOrEqual(2);
  });
});

it('names a proxy that wants a password, and one that is not there', async () => {
  const { models } = await modelsThrough(() => 'http://api.invalid/v1', { status: 407 });
  expect(models).toMatch(/^network: the proxy .* wants a user name and password \(407\)$/);
  const away = { HTTP_PROXY: 'http://127.0.0.1:9', HTTPS_PROXY: 'http://127.0.0.1:9' };
  for (const url of ['http://api.invalid/v1', 'https://api.invalid/v1']) {
    expect((await modelsThrough(() => url, { environment: away })).models).toMatch(/^network: .*connection refused/);
  }
});

it('does not for a host in NO_PROXY', async () => {
  // Reaches this machine, but is not one of its names, so that only NO_PROXY keeps it from the proxy.
  const { models, asked } = await modelsThrough(({ port }) => `http://0.0.0.0:${port}/v1`, {
    environment: { NO_PROXY: '0.0.0.0' },
  });
  expect(models).toHaveLength(1);
  expect(asked).toEqual([]);
});

it('does not for this machine', async () => {
  const { models, asked } = await modelsThrough(({ baseUrl }) => baseUrl);
  expect(models).toHaveLength(1);
  expect(asked).toEqual([]);
});

it('says that the environment names no proxy when it is no URL, without showing it', async () => {
  await expect(
    modelsThrough(() => 'http://api.invalid/v1', { environment: { HTTP_PROXY: 'u:pa55 w' } }),
  ).rejects.toMatchObject({
    code: 'InvalidRequest',
    message: 'HTTPS_PROXY or HTTP_PROXY is not the URL of a proxy',
  });
});
