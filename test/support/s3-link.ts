import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';

/** A disturbance on the way to the S3 server. */
export interface Disturbance {
  readonly method: string;
  /** Only requests whose path has this in it. */
  readonly path?: string;
  /**
   * `cut`: the connection ends half way, of the answer for a GET and of the upload for a PUT. `unanswered`: the server does
   * what it was asked for, and its answer is lost. `no-such-upload`: what some stores say to the end of an upload that is
   * done already, and all of them to one of an upload that was given up.
   */
  readonly kind: 'status-500' | 'no-such-upload' | 'cut' | 'unanswered' | 'slow';
  /** How many requests it meets. */
  readonly times: number;
}

/** Bytes after which a connection is cut. */
const CUT_AFTER = 1000;
const SLOW_MS = 1500;

/** A proxy that notes what passes and disturbs what a test names. It leaves the host header alone: it is signed. */
export class S3Link {
  /** `PUT /bucket/key`, in order of arrival. */
  readonly seen: string[] = [];
  #disturbances: { left: number; readonly disturbance: Disturbance }[] = [];

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async open(port: number): Promise<S3Link> {
    let link: S3Link | undefined;
    const server = createServer((request, response) => {
      request.on('error', () => undefined);
      response.on('error', () => undefined);
      link?.pass(request, response, port);
    });
    // The proxy says nothing of its own to "Expect: 100-continue": the server behind it does.
    server.on('checkContinue', (request, response) => {
      response.writeContinue();
      link?.pass(request, response, port);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP port');
    link = new S3Link(server, `http://127.0.0.1:${address.port}`);
    return link;
  }

  disturb(...disturbances: readonly Disturbance[]): void {
    this.#disturbances = disturbances.map((disturbance) => ({ left: disturbance.times, disturbance }));
  }

  /** Requests of disturbances that have not come yet. */
  get left(): number {
    return this.#disturbances.reduce((sum, { left }) => sum + left, 0);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private pass(request: IncomingMessage, response: ServerResponse, port: number): void {
    const { method = '', url = '' } = request;
    this.seen.push(`${method} ${url}`);
    const kind = this.take(method, url);
    if (kind === 'status-500' || kind === 'no-such-upload') {
      request.resume();
      const [status, code] = kind === 'status-500' ? [500, 'InternalError'] : [404, 'NoSuchUpload'];
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>try again</Message></Error>`);
    } else if (kind === 'slow') {
      setTimeout(() => forward(request, response, port), SLOW_MS);
    } else {
      forward(request, response, port, kind === 'cut' && method === 'PUT' ? 'upload' : kind);
    }
  }

  private take(method: string, url: string): Disturbance['kind'] | undefined {
    const found = this.#disturbances.find(
      ({ left, disturbance }) => left > 0 && disturbance.method === method && url.includes(disturbance.path ?? ''),
    );
    if (found === undefined) return undefined;
    found.left--;
    return found.disturbance.kind;
  }
}

function forward(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  trouble?: 'upload' | 'cut' | 'unanswered',
): void {
  const { method, url, headers } = request;
  const onward = httpRequest({ host: '127.0.0.1', port, method, path: url, headers, setHost: false }, (answer) => {
    if (trouble === 'unanswered') {
      answer.resume().once('end', () => response.destroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    if (trouble === undefined) answer.pipe(response);
    else passSome(answer, response);
  });
  onward.on('error', () => response.destroy());
  if (trouble === 'upload') cutUpload(request, onward.destroy.bind(onward));
  else request.pipe(onward);
}

function passSome(answer: IncomingMessage, response: ServerResponse): void {
  answer.once('data', (bytes: Buffer) => {
    response.write(bytes.subarray(0, CUT_AFTER), () => {
      response.destroy();
      answer.destroy();
    });
  });
  answer.on('error', () => undefined);
}

function cutUpload(request: IncomingMessage, end: () => void): void {
  request.once('data', () => {
    request.destroy();
    end();
  });
}
