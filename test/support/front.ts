import { once } from 'node:events';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';
import type { Simulator } from '../../src/simulator/server.js';

type ModelsList = number | readonly object[];

/** What a front does otherwise than the simulated network behind it. */
export interface Front {
  /** A models list of its own: a status for a list that cannot be had, or the list's entries; by a function anew each time. */
  readonly modelsList?: ModelsList | (() => ModelsList | undefined);
  /** Paths that are never answered, as `/v1/models`. */
  readonly silent?: readonly string[];
  /** Does not tell the account's balance. */
  readonly noBalance?: boolean;
  /** Requests whose body includes a text wait, however long it takes, until the test has seen what it wants to see. */
  readonly held?: { readonly includes: string; readonly until: Promise<unknown> };
  /** Prompts are answered only once so many are in flight. */
  readonly crowd?: Crowd;
}

/** Requests of which the first wait for one another, so that how many are in flight at once depends on no machine's speed. */
export class Crowd {
  /** How many were ever in flight at once. */
  most = 0;
  #inFlight = 0;
  #open = (): void => undefined;
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  constructor(private readonly size: number) {}

  /** Resolves once the crowd has had its size. */
  async enter(): Promise<void> {
    this.#inFlight += 1;
    this.most = Math.max(this.most, this.#inFlight);
    if (this.#inFlight === this.size) this.#open();
    await this.#opened;
  }

  leave(): void {
    this.#inFlight -= 1;
  }
}

/** A server in front of the simulated network. Returns the base URL; ends with the test. */
export async function frontOf(
  simulator: Pick<Simulator, 'port'>,
  { modelsList, silent, noBalance, held, crowd }: Front,
): Promise<string> {
  const server = createServer(async (request, response) => {
    if (silent?.includes(request.url ?? '')) return;
    const isList = request.url === '/v1/models';
    const list = isList && typeof modelsList === 'function' ? modelsList() : modelsList;
    if (isList && list !== undefined && typeof list !== 'function') {
      response.writeHead(typeof list === 'number' ? list : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ object: 'list', data: typeof list === 'number' ? [] : list }));
      return;
    }
    if (noBalance === true && request.url === '/v1/credits/balance') {
      response.writeHead(404).end();
      return;
    }
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece);
    if (crowd !== undefined && body.length > 0) {
      response.on('close', () => crowd.leave());
      await crowd.enter();
    }
    if (held !== undefined && Buffer.concat(body).includes(held.includes)) await held.until;
    const answer = await fetch(`http://127.0.0.1:${simulator.port}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
      ...(body.length === 0 ? {} : { body: Buffer.concat(body) }),
    }).catch(() => undefined);
    // The test is over, and the network with it.
    if (answer === undefined) return void response.destroy();
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
