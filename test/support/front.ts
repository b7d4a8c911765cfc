import { once } from 'node:events';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import type { Simulator } from '../../src/simulator/server.js';

/**
 * A server in front of the simulated network with a models list of its own: a status for a list that cannot be had, or
 * the list's entries. Everything else is passed on. Returns the base URL; ends with the test.
 */
export async function frontOf(simulator: Pick<Simulator, 'port'>, list: number | readonly object[]): Promise<string> {
  const server = createServer(async (request, response) => {
    if (request.url === '/v1/models') {
      response.writeHead(typeof list === 'number' ? list : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ object: 'list', data: typeof list === 'number' ? [] : list }));
      return;
    }
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece);
    const answer = await fetch(`http://127.0.0.1:${simulator.port}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
      ...(body.length === 0 ? {} : { body: Buffer.concat(body) }),
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return `http://127.0.0.1:${address.port}/v1`;
}
