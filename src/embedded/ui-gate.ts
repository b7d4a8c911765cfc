import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { holdPort, type LoopbackAddress, portOf } from './ports.js';

/**
 * Stands before the Web UI of the server, which answers whoever connects, under any name: a web page whose name leads to
 * this machine (DNS rebinding) could read and steer all runs there. Passes on what was asked of our own address, by our
 * own pages or by a person.
 */
export class UiGate {
  private readonly server = createServer((asked, answer) => this.pass(asked, answer));
  private ui: LoopbackAddress | undefined;

  /** Opens a gate on 127.0.0.1, on the preferred port if it is free. */
  static async open(preferred: number | undefined): Promise<UiGate> {
    const gate = new UiGate();
    await holdPort(gate.server, preferred);
    return gate;
  }

  /** Port to open in a browser. */
  get port(): number {
    return portOf(this.server);
  }

  /** Sets where the Web UI is now. */
  leadTo(ui: LoopbackAddress): void {
    this.ui = ui;
  }

  /** Stops listening and ends all connections. */
  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private pass(asked: IncomingMessage, answer: ServerResponse): void {
    if (!isOurs(asked, this.port)) return void end(answer, 403, 'This page is only for the browser of its own user.');
    const { method, url, headers } = asked;
    const { ui } = this;
    if (ui === undefined) return void end(answer, 502, 'The server is starting.');
    const onward = request({ ...ui, method, path: url, headers }, (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers);
      given.pipe(answer);
      given.once('error', () => answer.destroy());
    });
    onward.once('error', () =>
      answer.headersSent ? answer.destroy() : end(answer, 502, 'The server does not answer.'),
    );
    asked.pipe(onward);
    answer.once('close', () => onward.destroy());
  }
}

function end(answer: ServerResponse, status: number, text: string): void {
  answer.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
}

/** Whether a request is for our own address, and comes from our own pages or a person's click. */
function isOurs({ method, headers }: IncomingMessage, port: number): boolean {
  const names = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host = '', origin } = headers;
  if (!names.includes(host) || (origin !== undefined && origin !== `http://${host}`)) return false;
  const from = headers['sec-fetch-site'];
  return from === undefined || from === 'same-origin' || from === 'none' || isLinkFollowed(method, headers);
}

/** A link on another page may be followed to ours: that page sees nothing of it. */
function isLinkFollowed(method: string | undefined, headers: IncomingHttpHeaders): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}
