import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { listen } from './loopback.js';

/** What stands before a message in gRPC, bytes: whether it is compressed, and its length. */
const PREFIX = 5;

/** A call as it came. */
export interface GrpcCall {
  readonly path: string;
  readonly message: Buffer;
}

/** An OpenTelemetry collector over gRPC, on loopback: takes everything, and answers with an empty message. */
export class GrpcCollector {
  readonly calls: GrpcCall[] = [];
  readonly #sessions = new Set<ServerHttp2Session>();

  private constructor(
    private readonly server: Http2Server,
    /** As in `OTEL_EXPORTER_OTLP_ENDPOINT`. */
    readonly url: string,
  ) {}

  static async open(): Promise<GrpcCollector> {
    const server = createServer();
    const collector = new GrpcCollector(server, await listen(server));
    server.on('session', (session) => {
      collector.#sessions.add(session);
      session.on('close', () => collector.#sessions.delete(session));
    });
    server.on('stream', async (stream, headers) => {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      collector.calls.push({ path: headers[':path'] ?? '', message: Buffer.concat(chunks).subarray(PREFIX) });
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(PREFIX));
    });
    return collector;
  }

  /** The messages of the calls of a service, `TraceService` or `MetricsService`. */
  messages(service: string): Buffer[] {
    return this.calls.filter(({ path }) => path.endsWith(`.${service}/Export`)).map(({ message }) => message);
  }

  async close(): Promise<void> {
    this.server.close();
    for (const session of this.#sessions) session.destroy();
    if (this.server.listening) await once(this.server, 'close');
  }
}
