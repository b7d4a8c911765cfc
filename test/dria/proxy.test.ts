import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { Endpoint } from '../../src/dria/endpoint.js';
import { always, ScriptedServer } from './scripted-server.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A proxy that tunnels everything to one port, and keeps what it was asked for. */
async function startProxy(port: number) {
  const asked: string[] = [];
  const proxy = createServer().on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const target = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
    socket.pipe(target).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => proxy.close(resolve)));
  return { asked, url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
}

async function modelsThrough(baseUrl: (server: ScriptedServer) => string, environment: Record<string, string>) {
  const server = await new ScriptedServer(always(200, '{"data":[{"id":"m"}]}')).listen();
  cleanups.push(() => server.close());
  const proxy = await startProxy(server.port);
  for (const name of ['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY']) vi.stubEnv(name, undefined);
  vi.stubEnv('HTTP_PROXY', proxy.url);
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const endpoint = Endpoint.open({ baseUrl: baseUrl(server) });
  cleanups.push(() => endpoint.close());
  return { models: await endpoint.models(), asked: proxy.asked };
}

it('goes through the proxy that the environment names', async () => {
  const { models, asked } = await modelsThrough(() => 'http://api.invalid/v1', {});
  expect(models).toEqual([{ id: 'm', nodes: 1, modality: 'text' }]);
  expect(asked).toEqual(['api.invalid:80']);
});

it('does not for a host in NO_PROXY', async () => {
  // Reaches this machine, but is not one of its names, so that only NO_PROXY keeps it from the proxy.
  const { models, asked } = await modelsThrough(({ port }) => `http://0.0.0.0:${port}/v1`, { NO_PROXY: '0.0.0.0' });
  expect(models).toHaveLength(1);
  expect(asked).toEqual([]);
});

it('does not for this machine', async () => {
  const { models, asked } = await modelsThrough(({ baseUrl }) => baseUrl, {});
  expect(models).toHaveLength(1);
  expect(asked).toEqual([]);
});

it('says that the environment names no proxy when it is no URL, without showing it', async () => {
  await expect(modelsThrough(() => 'http://api.invalid/v1', { HTTP_PROXY: 'u:pa55 w' })).rejects.toMatchObject({
    code: 'InvalidRequest',
    message: 'HTTPS_PROXY or HTTP_PROXY is not the URL of a proxy',
  });
});
