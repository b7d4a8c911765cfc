import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { listen } from './loopback.js';
import { asDouble, bits, bytesOf, messages, readMessage, text, type WireField } from './wire.js';

type Message = ReadonlyMap<number, readonly WireField[]>;

/** An attribute's value. */
export type Value = string | number | boolean | readonly Value[];

/** A span that was sent. */
export interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentId: string;
  readonly name: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly isError: boolean;
  readonly resource: Readonly<Record<string, Value>>;
}

/** A point of a metric that was sent. */
export interface SentPoint {
  readonly name: string;
  readonly attributes: Readonly<Record<string, Value>>;
  /** The sum or the gauge; of a histogram its count. */
  readonly value: number;
  readonly resource: Readonly<Record<string, Value>>;
}

/** A request as it came. */
export interface SentRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** An OpenTelemetry collector over HTTP, on loopback: takes protobuf and keeps everything. */
export class TestCollector {
  readonly requests: SentRequest[] = [];
  /** What it answers. */
  status = 200;

  private constructor(
    private readonly server: Server,
    /** As in `OTEL_EXPORTER_OTLP_ENDPOINT`. */
    readonly url: string,
  ) {}

  static async open(): Promise<TestCollector> {
    const server = createServer();
    const collector = new TestCollector(server, await listen(server));
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const sent = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      collector.requests.push({ path: request.url ?? '', headers: request.headers, body });
      response.writeHead(collector.status, { 'content-type': 'application/x-protobuf' }).end();
    });
    return collector;
  }

  /** Forgets what came. */
  reset(): void {
    this.requests.length = 0;
  }

  get spans(): SentSpan[] {
    return this.bodies('/v1/traces').flatMap(spansIn);
  }

  /** The points of a metric in the newest export, all of them when `name` is left out. */
  points(name?: string): SentPoint[] {
    const last = this.bodies('/v1/metrics').at(-1);
    const points = last === undefined ? [] : pointsIn(last);
    return name === undefined ? points : points.filter((point) => point.name === name);
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private bodies(path: string): Buffer[] {
    return this.requests.filter((request) => request.path === path).map(({ body }) => body);
  }
}

/** The spans of a request for traces. */
export function spansIn(body: Buffer): SentSpan[] {
  return messages(readMessage(body), 1).flatMap(spansOf);
}

/** The points of a request for metrics. */
export function pointsIn(body: Buffer): SentPoint[] {
  return messages(readMessage(body), 1).flatMap(pointsOf);
}

function spansOf(resourceSpans: Message): SentSpan[] {
  const resource = messages(resourceSpans, 1).map((found) => attributesOf(found, 1))[0] ?? {};
  return messages(resourceSpans, 2)
    .flatMap((scope) => messages(scope, 2))
    .map((span) => ({
      traceId: bytesOf(span, 1).toString('hex'),
      spanId: bytesOf(span, 2).toString('hex'),
      parentId: bytesOf(span, 4).toString('hex'),
      name: text(span, 5),
      startNs: bits(span, 7) ?? 0n,
      endNs: bits(span, 8) ?? 0n,
      attributes: attributesOf(span, 9),
      isError: messages(span, 15).some((status) => bits(status, 3) === 2n),
      resource,
    }));
}

/** Fields of a metric that hold its points: gauge, sum, histogram. */
const GAUGE = 5;
const SUM = 7;
const HISTOGRAM = 9;

function pointsOf(resourceMetrics: Message): SentPoint[] {
  const resource = messages(resourceMetrics, 1).map((found) => attributesOf(found, 1))[0] ?? {};
  const metrics = messages(resourceMetrics, 2).flatMap((scope) => messages(scope, 2));
  return metrics.flatMap((metric) => {
    const name = text(metric, 1);
    const numbers = [GAUGE, SUM].flatMap((field) => messages(metric, field).flatMap((data) => messages(data, 1)));
    const histograms = messages(metric, HISTOGRAM).flatMap((data) => messages(data, 1));
    return [
      ...numbers.map((point) => ({ name, attributes: attributesOf(point, 7), value: numberOf(point), resource })),
      ...histograms.map((point) => ({
        name,
        attributes: attributesOf(point, 9),
        value: Number(bits(point, 4) ?? 0n),
        resource,
      })),
    ];
  });
}

function numberOf(point: Message): number {
  const double = bits(point, 4);
  return double === undefined ? Number(bits(point, 6) ?? 0n) : asDouble(double);
}

function attributesOf(message: Message, field: number): Record<string, Value> {
  return Object.fromEntries(
    messages(message, field).map((pair) => [text(pair, 1), decodeValue(messages(pair, 2)[0] ?? new Map())]),
  );
}

function decodeValue(value: Message): Value {
  const flag = bits(value, 2);
  if (flag !== undefined) return flag === 1n;
  const integer = bits(value, 3);
  if (integer !== undefined) return Number(BigInt.asIntN(64, integer));
  const double = bits(value, 4);
  if (double !== undefined) return asDouble(double);
  const [list] = messages(value, 5);
  return list === undefined ? text(value, 1) : messages(list, 1).map(decodeValue);
}
