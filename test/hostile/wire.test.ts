import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChatAnswer } from '../../src/dria/chat-answer.js';
import { Endpoint } from '../../src/dria/endpoint.js';
import { describeError, isDriaError } from '../../src/dria/errors.js';
import { completion } from '../dria/scripted-server.js';

/* The bytes of an answer, as a server that knows HTTP badly, or means harm, writes them. */

const GOOD = message('200 OK', completion('hello'));

function message(status: string, body = '', headers: readonly string[] = []): string {
  const length = body === '' ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  return `HTTP/1.1 ${[status, ...length, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

/** Sends one chat to a server that answers the n-th request of all with `answers[n]`, and goes. */
async function serve(...answers: readonly (string | Uint8Array)[]): Promise<() => Promise<ChatAnswer>> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    // A request is small: it comes in one piece.
    socket.on('data', () => {
      const answer = answers[requests++] ?? '';
      socket.write(answer, 'latin1');
      if (answer !== GOOD) socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const endpoint = Endpoint.open({ baseUrl: `http://127.0.0.1:${port}/v1` });
  onTestFinished(async () => {
    await endpoint.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return () => endpoint.chat({ model: 'm', prompt: 'hi', maxTokens: 5, temperature: 0, timeoutMs: 10_000 });
}

describe('a response before the answer', () => {
  it.each([
    ['102 Processing', message('102 Processing')],
    ['103 Early Hints', message('103 Early Hints', '', ['link: </style.css>; rel=preload'])],
    ['two of them', message('103 Early Hints') + message('103 Early Hints')],
    ['one that no standard has', message('199 Wait')],
  ])('%s is passed over', async (_, before) => {
    const chat = await serve(before + GOOD);
    expect(await chat()).toMatchObject({ text: 'hello', totalTokens: 7 });
  });

  it.each([
    ['100 Continue, unasked', message('100 Continue')],
    ['101 Switching Protocols', message('101 Switching Protocols', '', ['connection: upgrade', 'upgrade: other'])],
  ])('%s fails that attempt in words, and the next request is answered', async (_, before) => {
    const chat = await serve(before + GOOD, GOOD);
    const error: unknown = await chat().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'BadResponse', fault: 'attempt' });
    expect(describeError(error)).toBe(
      'bad response: the answer is none to this request: it says "100 Continue" or changes the protocol, unasked',
    );
    expect(await chat()).toMatchObject({ text: 'hello' });
  });
});

/** Sends one chat, which must come to an answer or to an error that has a type and fits a line. */
async function expectOutcome(answer: string | Uint8Array): Promise<void> {
  const chat = await serve(answer);
  const outcome: unknown = await chat().catch((error: unknown) => error);
  if (isDriaError(outcome)) expect(describeError(outcome)).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}]{1,400}$/u);
  else expect(outcome).toMatchObject({ text: expect.any(String), totalTokens: expect.any(Number) });
}

const NAMES = [
  ...['retry-after', 'retry-after-ms', 'x-ratelimit-reset', 'x-ratelimit-limit-requests', 'location', 'date'],
  ...['content-type', 'content-encoding', 'content-length', 'transfer-encoding', 'connection', 'set-cookie', 'x'],
];
const VALUES = ['', '0', '-1', '1e308', '99999999999999999999', 'Infinity', 'NaN', 'gzip', 'br', 'chunked', 'close'];

describe('an answer with', () => {
  it('any headers is an answer or a typed error', async () => {
    const value = fc.oneof(fc.constantFrom(...VALUES), fc.string({ unit: 'binary-ascii', maxLength: 40 }));
    const header = fc.tuple(fc.constantFrom(...NAMES), value).map(([name, text]) => `${name}: ${text}`);
    const status = fc.constantFrom('200 OK', '302 Found', '401 No', '429 Too Many Requests', '503 No', '999 What');
    await fc.assert(
      fc.asyncProperty(status, fc.array(header, { maxLength: 8 }), async (line, headers) => {
        await expectOutcome(message(line, completion('hello'), headers));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['a header of 1 MB', message('200 OK', completion('hello'), [`x: ${'a'.repeat(1 << 20)}`])],
    ['10,000 headers', message('200 OK', completion('hello'), Array<string>(10_000).fill('x: y'))],
    ['a body that is shorter than it says', message('200 OK', '', ['content-length: 100']) + completion('hello')],
    ['a chunk without end', `${message('200 OK', '', ['transfer-encoding: chunked'])}ffffffffffffffff\r\nabc`],
    ['no headers at all', 'HTTP/0.9 what\r\n'],
    ['a banner of another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ])('%s is an answer or a typed error', async (_, bytes) => {
    await expectOutcome(bytes);
  });

  it('any byte changed, or cut off anywhere, is an answer or a typed error', async () => {
    const whole = Buffer.from(GOOD, 'latin1');
    const at = fc.integer({ min: 0, max: whole.length - 1 });
    await fc.assert(
      fc.asyncProperty(at, fc.integer({ min: 0, max: 255 }), fc.boolean(), async (place, byte, isCut) => {
        const changed = Buffer.from(whole);
        changed[place] = byte;
        await expectOutcome(isCut ? changed.subarray(0, place) : changed);
      }),
      { numRuns: 100 },
    );
  });
});
