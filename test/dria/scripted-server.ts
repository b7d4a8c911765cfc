import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the server got it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What the server does with a request, when it has read it whole. */
export type Script = (response: ServerResponse, request: Received, n: number) => unknown;

/** A real HTTP server on a free loopback port that does what its script says. */
export class ScriptedServer {
  readonly received: Received[] = [];
  /** Requests that are unanswered now, and the most there were at once. */
  inFlight = 0;
  mostInFlight = 0;
  readonly #server;

  constructor(script: Script) {
    this.#server = createServer(async (request, response) => {
      this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
      response.on('close', () => this.inFlight--);
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of request) chunks.push(chunk);
      } catch {
        // The client went away in the middle of its body.
        return;
      }
      const { method = '', url: path = '', headers } = request;
      const received = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') };
      script(response, received, this.received.push(received));
    });
  }

  /** Listens on a free port, or on this one. */
  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A good answer's body. */
export function completion(content: unknown, more: object = {}): string {
  return JSON.stringify({
    id: 'gen-1',
    model: 'm',
    choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    metadata: { node_id: 'node-1' },
    ...more,
  });
}

/** A script that always gives one answer. */
export function always(status: number, body: string, headers: Record<string, string> = {}): Script {
  return (response) => response.writeHead(status, headers).end(body);
}
