import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { z } from 'zod';

const payloadSchema = z.object({ metadata: z.record(z.string(), z.string()).optional(), data: z.string().optional() });
const bodySchema = z.object({ payloads: z.array(payloadSchema).default([]) });
type Payload = z.output<typeof payloadSchema>;

/** Encoding of what the server has encoded. */
const ENCRYPTED = 'binary/encrypted';

/** A request that a codec server got. */
export interface CodecRequest {
  readonly path: string | undefined;
  readonly headers: IncomingMessage['headers'];
}

/** A codec server that encrypts, as a company has it beside its Temporal server. */
export class CodecServer {
  readonly requests: CodecRequest[] = [];
  /** The status that it answers instead. */
  refusal: number | undefined;
  readonly #key = randomBytes(32);

  private constructor(
    private readonly server: Server,
    private readonly auth: string,
    readonly url: string,
  ) {
    server.on('request', (request, response) => {
      this.requests.push({ path: request.url, headers: request.headers });
      this.#answer(request).then(
        ({ status, body }) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(body),
        (error: unknown) => response.writeHead(400).end(String(error)),
      );
    });
  }

  /** Opens one that wants this `Authorization` header. */
  static async open(auth: string): Promise<CodecServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no TCP port');
    return new CodecServer(server, auth, `http://127.0.0.1:${bound.port}`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
    if (this.refusal !== undefined) return { status: this.refusal, body: '' };
    if (request.headers.authorization !== this.auth) return { status: 401, body: '' };
    let text = '';
    for await (const piece of request.setEncoding('utf8')) text += piece;
    const { payloads } = bodySchema.parse(JSON.parse(text));
    const change = request.url?.endsWith('/encode') ? this.#encode : this.#decode;
    return { status: 200, body: JSON.stringify({ payloads: payloads.map((payload) => change.call(this, payload)) }) };
  }

  #encode(payload: Payload): Payload {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    const sealed = [iv, cipher.update(JSON.stringify(payload)), cipher.final(), cipher.getAuthTag()];
    return { metadata: { encoding: base64(ENCRYPTED) }, data: Buffer.concat(sealed).toString('base64') };
  }

  #decode(payload: Payload): Payload {
    if (payload.metadata?.encoding !== base64(ENCRYPTED)) return payload;
    const sealed = Buffer.from(payload.data ?? '', 'base64');
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, 12));
    decipher.setAuthTag(sealed.subarray(-16));
    const text = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString();
    return payloadSchema.parse(JSON.parse(text));
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
