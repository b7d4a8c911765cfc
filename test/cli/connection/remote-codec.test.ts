import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { RemoteCodec } from '../../../src/cli/remote-codec.js';
import { CodecServer } from '../../support/codec-server.js';
import { freePort } from '../../support/free-ports.js';

const AUTH = 'Bearer a-secret-of-the-codec';

let server: CodecServer;
beforeAll(async () => {
  server = await CodecServer.open(AUTH);
});
afterAll(() => server.close());

function codec(change: Partial<ConstructorParameters<typeof RemoteCodec>[0]> = {}): RemoteCodec {
  return new RemoteCodec({ endpoint: server.url, auth: AUTH, headers: {}, ...change }, 'teams/a b');
}

function payloadOf(value: unknown) {
  return defaultPayloadConverter.toPayload(value);
}

/** The message of an error and of all its causes. */
async function failure(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  const words: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) words.push(cause.message, cause.stack ?? '');
  return words.join('\n');
}

describe('RemoteCodec', () => {
  test('gives back by decode what was given to encode, and the server has seen no text of it', async () => {
    const values = [{ prompt: 'ü\u0000' }, [1, 2], '', null, new Uint8Array([0, 255])];
    const encoded = await codec().encode(values.map(payloadOf));
    for (const { metadata } of encoded)
      expect(Buffer.from(metadata?.encoding ?? []).toString()).toBe('binary/encrypted');
    expect(Buffer.concat(encoded.map(({ data }) => data ?? new Uint8Array())).includes('prompt')).toBe(false);
    const decoded = await codec().decode(encoded);
    expect(decoded.map((payload) => defaultPayloadConverter.fromPayload(payload))).toEqual(values);
  });

  test('sends the namespace, the authorization and further headers', async () => {
    server.requests.length = 0;
    await codec({ endpoint: `${server.url}/{namespace}`, headers: { 'x-team': 'blue' } }).encode([]);
    expect(server.requests).toMatchObject([
      { path: '/teams%2Fa%20b/encode', headers: { 'x-namespace': 'teams/a b', authorization: AUTH, 'x-team': 'blue' } },
    ]);
  });

  test.each<[string, number, RegExp]>([
    ['a refusal', 503, /codec server at http:\S+: 503 Service Unavailable to \/encode/],
    ['a redirect', 307, /codec server at http:\S+: no answer/],
  ])('names the server, and no secret, at %s', async (_name, status, words) => {
    server.refusal = status;
    onTestFinished(() => {
      server.refusal = undefined;
    });
    const said = await failure(codec().encode([payloadOf('a prompt')]));
    expect(said).toMatch(words);
    expect(said).not.toMatch(/a-secret|a prompt/);
  });

  test('says that it is refused with the wrong authorization, and that nobody is there', async () => {
    expect(await failure(codec({ auth: 'Bearer wrong-secret' }).decode([]))).toMatch(/: 401 Unauthorized to \/decode/);
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const said = await failure(codec({ endpoint }).encode([payloadOf('a prompt')]));
    expect(said).toMatch(/codec server at http:\/\/127.0.0.1:\d+: no answer/);
    expect(said).toContain('ECONNREFUSED');
    expect(said).not.toMatch(/secret|a prompt/);
  });
});
