import { afterEach, describe, expect, it } from 'vitest';
import type { ChatRequest } from '../../src/dria/chat-request.js';
import { Endpoint } from '../../src/dria/endpoint.js';
import { type DriaError, describeError } from '../../src/dria/errors.js';
import { ANSWER_BYTES } from '../../src/dria/exchange.js';
import { always, completion, type Script, ScriptedServer } from './scripted-server.js';

const KEY = 'dkn_live_5ecret';
const REQUEST: ChatRequest = { model: 'm', prompt: 'hi', maxTokens: 5, temperature: 0, timeoutMs: 10_000 };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(script: Script, apiKey: string | undefined = KEY) {
  const server = await new ScriptedServer(script).listen();
  cleanups.push(() => server.close());
  return { server, endpoint: open(server.baseUrl, apiKey) };
}

function open(baseUrl: string, apiKey: string | undefined = KEY): Endpoint {
  const endpoint = Endpoint.open({ baseUrl, ...(apiKey === '' ? {} : { apiKey }) });
  cleanups.push(() => endpoint.close());
  return endpoint;
}

/** The error that a request comes to, as its code and what a user sees. */
async function failure(chat: Promise<unknown>): Promise<readonly [string, string]> {
  try {
    await chat;
  } catch (error) {
    return [(error as DriaError).code, describeError(error)];
  }
  throw new Error('it did not fail');
}

const usageWith = (more: object): object => ({
  usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, ...more },
});

describe('an answer', () => {
  it('has the text, why it ended, what it cost, and who gave it', async () => {
    const { server, endpoint } = await serve(always(200, completion('hello')));
    const { latencyMs, body, ...answer } = await endpoint.chat(REQUEST);
    expect(body).toEqual(JSON.parse(completion('hello')));
    expect(answer).toEqual({
      text: 'hello',
      finishReason: 'stop',
      totalTokens: 7,
      promptTokens: 3,
      completionTokens: 4,
      nodeId: 'node-1',
    });
    expect(latencyMs).toBeGreaterThanOrEqual(0);
    expect(server.received[0]).toMatchObject({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    });
  });

  it.each<[string, unknown, object, object]>([
    [
      'in parts',
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      {},
      { text: 'ab', totalTokens: 7 },
    ],
    [
      'without usage',
      'a',
      { usage: undefined },
      { totalTokens: 2, promptTokens: 1, completionTokens: 1, usageMissing: true },
    ],
    ['with tokens from a cache', 'a', usageWith({ prompt_tokens_details: { cached_tokens: 2 } }), { cachedTokens: 2 }],
    ['with such as DeepSeek counts them', 'a', usageWith({ prompt_cache_hit_tokens: 3 }), { cachedTokens: 3 }],
    ['with such as Anthropic counts them', 'a', usageWith({ cache_read_input_tokens: 1 }), { cachedTokens: 1 }],
    ['with none from a cache', 'a', usageWith({ prompt_tokens_details: { cached_tokens: 0 } }), { cachedTokens: 0 }],
    [
      'with nonsense from a cache',
      'a',
      usageWith({ prompt_tokens_details: null, prompt_cache_hit_tokens: -4 }),
      { cachedTokens: 0 },
    ],
    ['without a total', 'a', { usage: { prompt_tokens: 1, completion_tokens: 2 } }, { totalTokens: 3 }],
    ['with nonsense for usage', 'a', { usage: { total_tokens: 'many', prompt_tokens: -1 } }, { usageMissing: true }],
    ['with more than was ever used', 'a', { usage: { total_tokens: 1e300 } }, { totalTokens: 1e9 }],
    ['without a node', 'a', { metadata: null }, { text: 'a' }],
    ['with an error that is null', 'a', { error: null }, { text: 'a' }],
  ])('%s is read', async (_, content, more, expected) => {
    const { endpoint } = await serve(always(200, completion(content, more)));
    expect(await endpoint.chat(REQUEST)).toMatchObject(expected);
  });

  it('in many pieces is put together, a character cut in two included', async () => {
    const body = Buffer.from(completion('é'.repeat(2000)));
    const { endpoint } = await serve((response) => {
      for (let start = 0; start < body.length; start += 501) response.write(body.subarray(start, start + 501));
      response.end();
    });
    expect((await endpoint.chat(REQUEST)).text).toBe('é'.repeat(2000));
  });

  it('needs neither a key nor a base URL without a slash', async () => {
    const { server } = await serve(always(200, completion('x')));
    const endpoint = open(`${server.baseUrl}//`, '');
    expect(endpoint.baseUrl).toBe(server.baseUrl);
    await endpoint.chat(REQUEST);
    expect(server.received[0]?.path).toBe('/v1/chat/completions');
    expect(server.received[0]?.headers.authorization).toBeUndefined();
  });
});

describe('what is no answer is a typed error', () => {
  const empty = (content: unknown, more: object = {}) => completion(content, more);
  it.each<[string, Script, string, string | RegExp]>([
    ['503', always(503, 'no nodes'), 'NoNodesAvailable', '503: no nodes'],
    ['a status in a 200', always(200, '{"error":{"message":"busy","code":429}}'), 'RateLimited', '429: busy'],
    [
      'an error in the choice',
      always(200, '{"choices":[{"error":{"message":"down","code":502}}]}'),
      'ServerError',
      '502: down',
    ],
    [
      'a web page',
      always(200, '<html>Login</html>', { 'content-type': 'text/html' }),
      'BadResponse',
      'bad response: the answer is not JSON but a web page (text/html)',
    ],
    ['other text', always(200, 'ok'), 'BadResponse', 'bad response: the answer is not JSON but "ok"'],
    ['no text', always(200, ''), 'BadResponse', 'bad response: the answer is empty'],
    ['204', always(204, ''), 'BadResponse', 'bad response: the answer is empty'],
    [
      'half of the JSON',
      always(200, completion('x').slice(0, 40)),
      'BadResponse',
      /^bad response: the answer is not JSON but "/,
    ],
    ['no choice', always(200, '{"choices":[]}'), 'BadResponse', 'bad response: the answer has no message in it'],
    [
      'empty content',
      always(200, empty(' \n')),
      'BadResponse',
      'bad response: the model answered nothing (finish_reason: stop)',
    ],
    [
      'null content',
      always(200, empty(null)),
      'BadResponse',
      'bad response: the model answered nothing (finish_reason: stop)',
    ],
    [
      'a refusal',
      always(200, completion(null, { choices: [{ message: { content: null, refusal: 'I cannot' } }] })),
      'BadResponse',
      'bad response: the model refused: I cannot',
    ],
    [
      'a redirect',
      always(302, '', { location: 'https://b.example/' }),
      'EndpointUnavailable',
      /^302: the endpoint redirects to https:\/\/b\.example\//,
    ],
    [
      'too much',
      (response) => response.end(Buffer.alloc(ANSWER_BYTES + 1, 'x')),
      'BadResponse',
      'bad response: the answer is larger than 16 MiB, the most that is read',
    ],
    [
      'too much without an end',
      (response) => {
        const more = () => {
          while (response.write(Buffer.alloc(1 << 20)));
        };
        response.on('drain', more);
        more();
      },
      'BadResponse',
      'bad response: the answer is larger than 16 MiB, the most that is read',
    ],
    ['a reset', (response) => response.socket?.resetAndDestroy(), 'NetworkError', 'network: connection reset'],
    [
      'a connection closed',
      (response) => response.socket?.destroy(),
      'NetworkError',
      'network: connection closed by the server',
    ],
    [
      'half a body',
      (response) =>
        response.writeHead(200, { 'content-length': '999' }).write('{"choices"', () => response.socket?.destroy()),
      'NetworkError',
      /^network: connection (reset|closed)/,
    ],
    [
      'no HTTP',
      (response) => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'),
      'BadResponse',
      /^bad response: the answer is not HTTP/,
    ],
  ])('%s', async (_, script, code, described) => {
    const { endpoint } = await serve(script);
    const [actualCode, actual] = await failure(endpoint.chat(REQUEST));
    expect(actualCode).toBe(code);
    expect(actual).toEqual(typeof described === 'string' ? described : expect.stringMatching(described));
  });

  it.each<[string, Script]>([
    ['a server that says nothing', () => {}],
    ['a server that stops in the middle', (response) => response.writeHead(200).write('{"choices"')],
  ])('%s is a time-out, and its connection is dropped', async (_, script) => {
    const { server, endpoint } = await serve(script);
    expect(await failure(endpoint.chat({ ...REQUEST, timeoutMs: 50 }))).toEqual([
      'NodeTimeout',
      'timeout: no answer within 0.05 s',
    ]);
    await expect.poll(() => server.inFlight).toBe(0);
  });

  it("the endpoint's own 504 arrives, though it comes when the time is over", async () => {
    const { endpoint } = await serve((response) => setTimeout(() => response.writeHead(504).end('node timed out'), 60));
    expect(await failure(endpoint.chat({ ...REQUEST, timeoutMs: 50 }))).toEqual(['NodeTimeout', '504: node timed out']);
  });

  it('nobody at the address', async () => {
    const server = await new ScriptedServer(() => {}).listen();
    const { baseUrl, port } = server;
    await server.close();
    expect(await failure(open(baseUrl).chat(REQUEST))).toEqual([
      'EndpointUnavailable',
      `network: connection refused (127.0.0.1:${port})`,
    ]);
    expect(await failure(open(`http://localhost:${port}/v1`).models())).toEqual([
      'EndpointUnavailable',
      expect.stringMatching(/^network: connection refused \((127\.0\.0\.1|\[::1\]):\d+\)$/),
    ]);
  });

  it('a certificate that nobody vouches for is said', async () => {
    const { server } = await serve(always(200, ''));
    const [code, described] = await failure(open(server.baseUrl.replace('http:', 'https:')).chat(REQUEST));
    expect(code).toBe('EndpointUnavailable');
    expect(described).toMatch(/^network: \S/);
  });
});

describe('the key', () => {
  it('is not in an error, though the server echoes it', async () => {
    const echoes: Script[] = [
      (response, { headers }) => response.writeHead(401).end(`bad key: ${headers.authorization}`),
      (response, { headers }) => response.end(`{"error":"${headers.authorization}"}`),
      (response, { headers }) => response.end(headers.authorization),
      (response, { headers }) => response.writeHead(302, { location: `/?k=${headers.authorization}` }).end(),
    ];
    for (const echo of echoes) {
      const { endpoint } = await serve(echo);
      const error: unknown = await endpoint.chat(REQUEST).catch((caught) => caught);
      expect(describeError(error)).toContain('***');
      expect(`${JSON.stringify(error)} ${String(error)} ${(error as Error).stack}`).not.toContain(KEY);
    }
  });

  it('that is wrong costs a handful of requests, however many wait', async () => {
    const { server, endpoint } = await serve(always(401, ''));
    const results = await Promise.all(Array.from({ length: 100 }, () => failure(endpoint.chat(REQUEST))));
    expect(new Set(results.map(String))).toEqual(new Set(['Unauthorized,401: the API key was refused']));
    expect(server.received.length).toBeLessThanOrEqual(4);
  });

  it('that the balance proved lets all requests go at once', async () => {
    const held: (() => void)[] = [];
    const { server, endpoint } = await serve((response, { path }) => {
      if (path === '/v1/credits/balance') response.end('{"balance":1000,"balance_usdc":"10.00"}');
      else held.push(() => response.end(completion('x')));
    });
    expect(await endpoint.balance()).toEqual({ balance: 1000 });
    const chats = Array.from({ length: 30 }, () => endpoint.chat(REQUEST));
    await expect.poll(() => server.inFlight).toBe(30);
    for (const answer of held) answer();
    await Promise.all(chats);
  });

  it('that the balance or the models list refuses is not refused for chats', async () => {
    const { server, endpoint } = await serve((response, { path }) => {
      if (path.endsWith('completions')) response.end(completion('x'));
      else response.writeHead(403).end('restricted');
    });
    expect(await failure(endpoint.balance())).toEqual(['Unauthorized', '403: restricted']);
    expect(await failure(endpoint.models())).toEqual(['Unauthorized', '403: restricted']);
    expect((await endpoint.chat(REQUEST)).text).toBe('x');
    expect(server.received).toHaveLength(3);
  });

  it.each([
    ['404', always(404, 'no such path')],
    ['405', always(405, '')],
    ['a web page', always(200, '<html>')],
    ['another JSON', always(200, '{"balance":null}')],
  ])('is not proven by %s for the balance', async (_, script) => {
    const { endpoint } = await serve(script);
    expect(await endpoint.balance()).toBeUndefined();
  });

  it.each(['dkn\nlive', 'dkn live', 'schlüssel'])('%j is refused before anything is sent', (apiKey) => {
    expect(() => Endpoint.open({ baseUrl: 'http://127.0.0.1:9/v1', apiKey })).toThrow(
      expect.objectContaining({ code: 'Unauthorized', message: expect.not.stringContaining(apiKey) }),
    );
  });
});

describe('the models', () => {
  it('are listed with their nodes', async () => {
    const { endpoint } = await serve(
      always(200, '{"object":"list","data":[{"id":"qwen3.5:9b","nodes":3},{"id":"x","nodes":0}]}'),
    );
    expect(await endpoint.models()).toEqual([{ id: 'qwen3.5:9b', nodes: 3, modality: 'vision' }]);
  });

  it.each<[string, Script, string]>([
    ['no list', always(200, '{}'), 'BadResponse'],
    ['a web page', always(200, '<html>'), 'BadResponse'],
    ['an error in a 200', always(200, '{"error":{"message":"x","code":500}}'), 'ServerError'],
    ['404', always(404, ''), 'InvalidRequest'],
  ])('cannot be read from %s', async (_, script, code) => {
    const { endpoint } = await serve(script);
    expect((await failure(endpoint.models()))[0]).toBe(code);
  });
});

describe('a request that is stopped', () => {
  it('throws the reason as it is, and drops the connection', async () => {
    const { server, endpoint } = await serve(() => {});
    const controller = new AbortController();
    const chat = endpoint.chat(REQUEST, { signal: controller.signal });
    await expect.poll(() => server.inFlight).toBe(1);
    const reason = new Error('stop');
    controller.abort(reason);
    await expect(chat).rejects.toBe(reason);
    await expect.poll(() => server.inFlight).toBe(0);
  });

  it('is not sent when it was stopped before', async () => {
    const { server, endpoint } = await serve(always(200, completion('x')));
    await expect(endpoint.chat(REQUEST, { signal: AbortSignal.abort('early') })).rejects.toBe('early');
    await expect(endpoint.models(AbortSignal.abort('early'))).rejects.toBe('early');
    expect(server.received).toHaveLength(0);
  });

  it('leaves its place to another', async () => {
    const { server, endpoint } = await serve((response, _, n) => n > 4 && response.end(completion('x')));
    const controller = new AbortController();
    const stopped = Array.from({ length: 4 }, () =>
      endpoint.chat(REQUEST, { signal: controller.signal }).catch(() => 'stopped'),
    );
    const waiting = endpoint.chat(REQUEST);
    await expect.poll(() => server.inFlight).toBe(4);
    controller.abort();
    expect((await waiting).text).toBe('x');
    expect(await Promise.all(stopped)).toEqual(['stopped', 'stopped', 'stopped', 'stopped']);
  });

  it('by closing the endpoint is a network error', async () => {
    const { server, endpoint } = await serve(() => {});
    const chats = Array.from({ length: 6 }, () => failure(endpoint.chat(REQUEST)));
    await expect.poll(() => server.inFlight).toBe(4);
    await endpoint.close();
    for (const result of await Promise.all(chats))
      expect(result).toEqual(['NetworkError', 'network: the endpoint was closed']);
  });
});

describe('after a 429', () => {
  it('all requests wait, and fewer are in flight', async () => {
    const times: number[] = [];
    const { server, endpoint } = await serve((response, { path }, n) => {
      times.push(performance.now());
      if (path.endsWith('balance')) response.end('{"balance":1}');
      else if (n <= 9) response.writeHead(429, { 'retry-after-ms': '400' }).end('slow down');
      else setTimeout(() => response.end(completion('x')), 5);
    });
    await endpoint.balance();
    const refused = await Promise.all(Array.from({ length: 8 }, () => failure(endpoint.chat(REQUEST))));
    expect(new Set(refused.map(String))).toEqual(new Set(['RateLimited,429: slow down']));
    const last = times.at(-1) ?? 0;
    server.mostInFlight = 0;
    await Promise.all(Array.from({ length: 8 }, () => endpoint.chat(REQUEST)));
    expect((times[9] ?? 0) - last).toBeGreaterThan(390);
    expect(server.mostInFlight).toBeLessThan(8);
  });
});

describe('a streamed attachment', () => {
  const image = (bytes: number, open: () => AsyncIterable<Uint8Array>): ChatRequest => ({
    ...REQUEST,
    attachments: [{ kind: 'image', mediaType: 'image/png', bytes, open }],
  });

  it('arrives byte for byte under a content-length', async () => {
    const { server, endpoint } = await serve(always(200, completion('seen')));
    const chunk = Buffer.from(Array.from({ length: 65_537 }, (_, n) => n % 251));
    const chunks = 100;
    const open = async function* () {
      for (let n = 0; n < chunks; n++) yield chunk;
    };
    expect((await endpoint.chat(image(chunk.length * chunks, open))).text).toBe('seen');
    const [received] = server.received;
    expect(Number(received?.headers['content-length'])).toBe(received?.body.length);
    const url: string = JSON.parse(received?.body ?? '').messages[0].content[1].image_url.url;
    const decoded = Buffer.from(url.slice('data:image/png;base64,'.length), 'base64');
    expect(decoded.equals(Buffer.concat(Array.from({ length: chunks }, () => chunk)))).toBe(true);
  });

  it.each([
    [3, 'expected, 2 were read'],
    [1, 'expected, more were read'],
  ])('of another size than it said is an attachment error (%i bytes said)', async (bytes, message) => {
    const { endpoint } = await serve(always(200, completion('x')));
    const open = async function* () {
      yield Buffer.from('ab');
    };
    const [code, described] = await failure(endpoint.chat(image(bytes, open)));
    expect(code).toBe('InvalidAttachment');
    expect(described).toContain(message);
  });

  it('that is gone is an attachment error, and a storage that is down is its own', async () => {
    const { endpoint } = await serve(always(200, completion('x')));
    const failing = (error: Error) => () => {
      throw error;
    };
    const gone = Object.assign(new Error('ENOENT: /home/me/a.png'), { code: 'ENOENT' });
    expect(await failure(endpoint.chat(image(3, failing(gone))))).toEqual([
      'InvalidAttachment',
      'attachment: the attachment cannot be read (ENOENT)',
    ]);
    const down = Object.assign(new Error('503'), { code: 'UNAVAILABLE' });
    await expect(endpoint.chat(image(3, failing(down)))).rejects.toBe(down);
  });

  it('that a model refuses is told from a request that is wrong', async () => {
    const { endpoint } = await serve(always(400, 'model m does not support image input'));
    const open = async function* () {
      yield Buffer.from('abc');
    };
    expect((await failure(endpoint.chat(image(3, open))))[0]).toBe('ModalityRefused');
    expect((await failure(endpoint.chat(REQUEST)))[0]).toBe('InvalidRequest');
  });

  it('is closed when the request is stopped in the middle', async () => {
    const { server, endpoint } = await serve(() => {});
    const controller = new AbortController();
    let closed = false;
    const open = async function* () {
      try {
        for (;;) yield Buffer.alloc(65_536);
      } finally {
        closed = true;
      }
    };
    const chat = endpoint.chat(image(1e9, open), { signal: controller.signal });
    await expect.poll(() => server.inFlight).toBe(1);
    controller.abort(new Error('stop'));
    await expect(chat).rejects.toThrow('stop');
    await expect.poll(() => closed).toBe(true);
  });

  it('is not opened for a request that waits', async () => {
    const { server, endpoint } = await serve(() => {});
    const waiting = Array.from({ length: 4 }, () => failure(endpoint.chat(REQUEST)));
    let opened = false;
    const open = async function* () {
      opened = true;
      yield Buffer.from('abc');
    };
    const chat = failure(endpoint.chat(image(3, open)));
    await expect.poll(() => server.inFlight).toBe(4);
    await endpoint.close();
    await Promise.all([...waiting, chat]);
    expect(opened).toBe(false);
  });
});
