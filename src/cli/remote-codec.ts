import { setTimeout as delay } from 'node:timers/promises';
import type { DataConverter } from '@temporalio/common';
import { z } from 'zod';
import type { CodecServer } from './converter-settings.js';

type PayloadCodec = NonNullable<DataConverter['payloadCodecs']>[number];
type Payload = Parameters<PayloadCodec['encode']>[0][number];

/** Time for one answer of a codec server, ms. */
const ANSWER_MS = 20_000;

/** Waits before the second and the third attempt, ms: a server that is started anew is away for a moment. */
const RETRY_MS = [200, 1_000];

/** Payloads as codec servers have them: protobuf's JSON, bytes as base64. */
const payloadsSchema = z.object({
  payloads: z
    .array(z.object({ metadata: z.record(z.string(), z.base64()).default({}), data: z.base64().default('') }))
    .default([]),
});

/** A codec server, which encodes and decodes payloads over HTTP. Errors name it, and never what was sent to it. */
export class RemoteCodec implements PayloadCodec {
  readonly #endpoint: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ endpoint, auth, headers }: CodecServer, namespace: string) {
    this.#endpoint = endpoint.replaceAll('{namespace}', encodeURIComponent(namespace));
    this.#headers = {
      'Content-Type': 'application/json',
      'X-Namespace': namespace,
      ...headers,
      ...(auth === undefined ? {} : { Authorization: auth }),
    };
  }

  encode(payloads: Payload[]): Promise<Payload[]> {
    return this.#send('encode', payloads);
  }

  decode(payloads: Payload[]): Promise<Payload[]> {
    return this.#send('decode', payloads);
  }

  async #send(what: 'encode' | 'decode', payloads: Payload[]): Promise<Payload[]> {
    const response = await this.#post(`${this.#endpoint}/${what}`, JSON.stringify({ payloads: payloads.map(toJson) }));
    if (!response.ok) throw this.#failed(`${response.status} ${response.statusText} to /${what}`);
    const answer = payloadsSchema.safeParse(await response.json().catch(() => undefined));
    if (!answer.success) throw this.#failed(`no payloads in its answer to /${what}`);
    const { payloads: changed } = answer.data;
    if (changed.length !== payloads.length) {
      throw this.#failed(`${changed.length} payloads for ${payloads.length} in its answer to /${what}`);
    }
    return changed.map(fromJson);
  }

  async #post(url: string, body: string, attempt = 0): Promise<Response> {
    try {
      // What is sent is plain text to be encoded: it goes nowhere but to the server that was named.
      const init = { method: 'POST', headers: this.#headers, body, redirect: 'error' } as const;
      return await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
    } catch (error) {
      const wait = RETRY_MS[attempt];
      if (wait === undefined) throw this.#failed('no answer', error);
      await delay(wait);
      return await this.#post(url, body, attempt + 1);
    }
  }

  #failed(how: string, cause?: unknown): Error {
    return new Error(`the codec server at ${this.#endpoint}: ${how}`, { cause });
  }
}

function toJson({ metadata, data }: Payload): unknown {
  return { metadata: mapValues(metadata ?? {}, base64), ...(data ? { data: base64(data) } : {}) };
}

function fromJson({ metadata, data }: z.output<typeof payloadsSchema>['payloads'][number]): Payload {
  return { metadata: mapValues(metadata, bytes), data: bytes(data) };
}

function mapValues<A, B>(values: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}

function base64(data: Uint8Array): string {
  return Buffer.from(data).toString('base64');
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
