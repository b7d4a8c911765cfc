import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { compileAnswerSchema } from '../../src/dria/answer-check.js';
import type { ChatRequest } from '../../src/dria/chat-request.js';
import { type ChatOptions, Endpoint, type EndpointOptions } from '../../src/dria/endpoint.js';
import { type DriaError, describeError } from '../../src/dria/errors.js';
import { until } from '../support/until.js';
import { always, completion, type Received, type Script, ScriptedServer } from './scripted-server.js';

const REQUEST: ChatRequest = { model: 'm', prompt: 'hi', maxTokens: 5, temperature: 0.7, timeoutMs: 10_000 };
const { schema, check } = compileAnswerSchema({
  type: 'object',
  properties: { a: { type: 'number' } },
  required: ['a'],
});
const STRUCTURED: ChatRequest = { ...REQUEST, schema: { name: 'answer', schema, check } };
const PICTURE: ChatRequest = {
  ...REQUEST,
  attachments: [{ kind: 'image', mediaType: 'image/png', url: 'data:image/png;base64,AAAA' }],
};

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(script: Script, options: Partial<EndpointOptions> = {}) {
  const server = await new ScriptedServer(script).listen();
  cleanups.push(() => server.close());
  const endpoint = Endpoint.open({ baseUrl: server.baseUrl, apiKey: 'dkn_live_5ecret', ...options });
  cleanups.push(() => endpoint.close());
  return { server, endpoint };
}

async function failure(chat: Promise<unknown>): Promise<DriaError> {
  try {
    await chat;
  } catch (error) {
    return error as DriaError;
  }
  throw new Error('it did not fail');
}

const bodyOf = ({ body }: Received) => JSON.parse(body);
const refusal = (message: string) => JSON.stringify({ error: { message } });

describe('a parameter that the endpoint refuses', () => {
  /** Refuses these fields, one at a time, as OpenAI does. */
  const refusing =
    (...fields: string[]): Script =>
    (response, request) => {
      const refused = fields.find((field) => field in bodyOf(request));
      if (refused === undefined) return response.end(completion('x'));
      return response
        .writeHead(400)
        .end(refusal(`Unsupported parameter: '${refused}' is not supported with this model.`));
    };

  it('is learnt once for the target, and said in one sentence each', async () => {
    const { server, endpoint } = await serve(refusing('timeout_secs', 'max_tokens', 'temperature'), {
      sendsTimeout: true,
    });
    await endpoint.chat(REQUEST);
    await endpoint.chat(REQUEST);
    expect(server.received).toHaveLength(5);
    expect(Object.keys(bodyOf(server.received[4] ?? never()))).toEqual(['model', 'max_completion_tokens', 'messages']);
    expect(endpoint.lessons()).toEqual([
      { target: 'm', text: 'm: the endpoint refuses timeout_secs; it is left out' },
      { target: 'm', text: 'm: the endpoint refuses max_tokens; it is sent as max_completion_tokens' },
      { target: 'm', text: 'm: the endpoint refuses temperature; it is left out' },
    ]);
  });

  it('is learnt once by requests that are under way together', async () => {
    const { server, endpoint } = await serve(refusing('temperature'));
    await Promise.all(Array.from({ length: 20 }, () => endpoint.chat(REQUEST)));
    expect(endpoint.lessons()).toHaveLength(1);
    expect(server.received.length).toBeLessThanOrEqual(40);
  });

  it('that cannot be left out is a wrong request, with its words', async () => {
    const { endpoint } = await serve(
      always(400, refusal("Unsupported parameter: 'temperature' is not supported with this model.")),
    );
    const error = await failure(endpoint.chat(REQUEST));
    expect(error).toMatchObject({ code: 'InvalidRequest', fault: 'item', status: 400 });
    expect(describeError(error)).toMatch(/^400: Unsupported parameter: 'temperature'/);
  });

  it('timeout_secs goes to Dria only', async () => {
    const { server, endpoint } = await serve(always(200, completion('x')));
    await endpoint.chat(REQUEST);
    expect(bodyOf(server.received[0] ?? never())).not.toHaveProperty('timeout_secs');
  });

  it('is, for a schema, sent in weaker forms, and the answer is checked in each', async () => {
    const { server, endpoint } = await serve((response, request) => {
      const format = bodyOf(request).response_format;
      if (format !== undefined)
        response.writeHead(400).end(refusal(`Invalid response_format: ${format.type} is not supported`));
      else response.end(completion('Sure: {"a": 1}'));
    });
    expect((await endpoint.chat(STRUCTURED)).checked).toEqual({ parsed: { a: 1 }, json: '{"a":1}' });
    const forms = server.received
      .map(bodyOf)
      .map(({ response_format: format }) => [format?.type, format?.json_schema?.strict]);
    expect(forms).toEqual([
      ['json_schema', true],
      ['json_schema', false],
      ['json_object', undefined],
      [undefined, undefined],
    ]);
    expect(bodyOf(server.received[3] ?? never()).messages[0].content).toContain(JSON.stringify(schema));
  });
});

function never(): never {
  throw new Error('never');
}

describe('an endpoint that is away', () => {
  it('fails requests without sending them until it may be back, and then answers them', async () => {
    const { server, endpoint } = await serve(always(200, completion('x')));
    const { port } = server;
    await server.close();
    const first = await failure(endpoint.chat(REQUEST));
    expect(first).toMatchObject({ code: 'EndpointUnavailable', fault: 'endpoint' });
    expect(first.unsent).toBeUndefined();
    const second = await failure(endpoint.chat(REQUEST));
    expect(second).toMatchObject({ code: 'EndpointUnavailable', unsent: true, message: first.message });
    expect(second.retryAfterMs).toBeGreaterThan(0);
    const back = await new ScriptedServer(always(200, completion('back'))).listen(port);
    cleanups.push(() => back.close());
    await expect
      .poll(
        () =>
          endpoint.chat(REQUEST).then(
            ({ text }) => text,
            () => 'away',
          ),
        { timeout: 10_000 },
      )
      .toBe('back');
  });

  it('has cut an answer off in the middle: that is an attempt', async () => {
    const { endpoint } = await serve((response) =>
      response.writeHead(200, { 'content-length': '999' }).write('{"choices"', () => response.socket?.destroy()),
    );
    expect(await failure(endpoint.chat(REQUEST))).toMatchObject({ code: 'NetworkError', fault: 'attempt' });
  });

  it('has no such path, and the error names the one that may be right', async () => {
    const { server } = await serve(always(404, '{"detail":"Not Found"}'));
    const endpoint = Endpoint.open({ baseUrl: server.baseUrl.replace('/v1', '') });
    cleanups.push(() => endpoint.close());
    const error = await failure(endpoint.chat(REQUEST));
    expect(error).toMatchObject({ code: 'EndpointUnavailable', fault: 'endpoint', status: 404 });
    expect(describeError(error)).toBe(`404: Not Found (is the base URL ${server.baseUrl}?)`);
  });
});

describe('a wait that a target asks for', () => {
  const limited = (ms: number): Script => always(429, 'slow down', { 'retry-after-ms': String(ms) });

  it.each<[string, number, ChatOptions, object]>([
    [
      'a short one is held in the gate',
      3000,
      { hasOther: true },
      { fault: 'attempt', retryAfterMs: expect.closeTo(3000, -2) },
    ],
    ['one of some seconds sends items elsewhere if they can go', 8000, { hasOther: true }, { fault: 'target' }],
    ['and holds them if not', 8000, {}, { fault: 'attempt' }],
    ['one of minutes is for the run', 900_000, {}, { fault: 'target', retryAfterMs: expect.closeTo(900_000, -2) }],
  ])('%s', async (_, ms, options, expected) => {
    const { endpoint } = await serve(limited(ms));
    expect(await failure(endpoint.chat(REQUEST, options))).toMatchObject({ code: 'RateLimited', ...expected });
  });

  it('fails later requests to it without sending them, and leaves other targets alone', async () => {
    const { server, endpoint } = await serve((response, request) => {
      if (bodyOf(request).model === 'm') response.writeHead(429, { 'retry-after': '900' }).end('slow down');
      else response.end(completion('x'));
    });
    await failure(endpoint.chat(REQUEST));
    expect(await failure(endpoint.chat(REQUEST))).toMatchObject({
      code: 'RateLimited',
      unsent: true,
      message: 'slow down',
    });
    expect((await endpoint.chat({ ...REQUEST, model: 'other' })).text).toBe('x');
    expect(server.received).toHaveLength(2);
  });

  it('503 with Retry-After keeps both its words and its wait', async () => {
    const { server, endpoint } = await serve(always(503, refusal('Loading model'), { 'retry-after': '60' }));
    const sent = await failure(endpoint.chat(REQUEST));
    const unsent = await failure(endpoint.chat(REQUEST));
    expect([describeError(sent), sent.retryAfterMs]).toEqual(['503: Loading model', 60_000]);
    expect(unsent).toMatchObject({ code: 'NoNodesAvailable', message: 'Loading model', unsent: true });
    expect(unsent.retryAfterMs).toBeGreaterThan(50_000);
    expect(server.received).toHaveLength(1);
  });
});

describe('a refusal of one item', () => {
  it('with an attachment is unclear until the target has answered one such item', async () => {
    const { endpoint } = await serve((response, _, n) => {
      if (n === 2) response.end(completion('seen'));
      else response.writeHead(400).end(refusal('Could not process image'));
    });
    expect(await failure(endpoint.chat(PICTURE))).toMatchObject({
      code: 'InvalidRequest',
      fault: 'item',
      isUnclear: true,
    });
    await endpoint.chat(PICTURE);
    const later = await failure(endpoint.chat(PICTURE));
    expect(later).toMatchObject({ code: 'InvalidRequest', fault: 'item' });
    expect('isUnclear' in later).toBe(false);
  });

  it('by 403 is the key’s before any answer, and the item’s after one', async () => {
    const { endpoint } = await serve((response, _, n) =>
      n === 1 ? response.end(completion('x')) : response.writeHead(403).end('<html><title>Blocked</title></html>'),
    );
    await endpoint.chat(REQUEST);
    expect(await failure(endpoint.chat(REQUEST))).toMatchObject({
      code: 'InvalidRequest',
      fault: 'item',
      status: 403,
      message: 'Blocked',
    });
    const { endpoint: other } = await serve(always(403, 'Blocked'));
    expect(await failure(other.chat(REQUEST))).toMatchObject({ code: 'Unauthorized', fault: 'endpoint' });
  });
});

describe('an answer that is cut off', () => {
  const cut = (content: string) =>
    completion(content, { choices: [{ message: { content }, finish_reason: 'length' }] });

  it.each<[string, ChatRequest, string]>([
    [
      'in its JSON',
      STRUCTURED,
      'invalid output: the answer was cut off at 5 tokens in the middle of its JSON: raise --max-tokens',
    ],
    [
      'before it had any text',
      REQUEST,
      'invalid output: the answer was cut off at 5 tokens before it had any text: raise --max-tokens',
    ],
  ])('%s is the item’s, and names the option', async (_, request, words) => {
    const { endpoint } = await serve(always(200, cut(request === STRUCTURED ? '{"a": 1' : '')));
    const error = await failure(endpoint.chat(request));
    expect(error).toMatchObject({ code: 'InvalidOutput', fault: 'item', tokens: 7 });
    expect(describeError(error)).toBe(words);
  });

  it('and satisfies the schema all the same is good', async () => {
    const { endpoint } = await serve(always(200, cut('{"a": 1}')));
    expect((await endpoint.chat(STRUCTURED)).checked?.json).toBe('{"a":1}');
  });

  it('by a filter is marked if it has some text, and the item’s fault if it has none', async () => {
    const filtered = (content: string) =>
      completion(content, { choices: [{ message: { content }, finish_reason: 'content_filter' }] });
    const { endpoint } = await serve((response, _, n) => response.end(filtered(n === 1 ? 'half an ans' : '')));
    expect(await endpoint.chat(REQUEST)).toMatchObject({ text: 'half an ans', isFiltered: true });
    expect(await failure(endpoint.chat(REQUEST))).toMatchObject({ code: 'BadResponse', fault: 'item' });
  });
});

describe('an empty answer', () => {
  it('is accepted if the request accepts it and the model ended by itself', async () => {
    const { endpoint } = await serve(always(200, completion('')));
    expect(await failure(endpoint.chat(REQUEST))).toMatchObject({
      code: 'BadResponse',
      fault: 'attempt',
      isEmpty: true,
    });
    expect((await endpoint.chat({ ...REQUEST, acceptEmpty: true })).text).toBe('');
  });
});

describe('the key', () => {
  /** Holds chats, and answers look-ups. */
  const holding: Script = (response, { path }) => {
    if (path.endsWith('models')) response.end('{"data":[{"id":"m"}]}');
  };

  it.each([{ apiKey: 'dkn_live_5ecret' }, { apiKey: '' }])(
    'is believed with an accepted models list (%j): all requests go at once',
    async (options) => {
      const { server, endpoint } = await serve(holding, options);
      await endpoint.models();
      // The second without a refusal, after which any key is believed, does not pass.
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      onTestFinished(() => void vi.useRealTimers());
      const chats = Array.from({ length: 60 }, () => endpoint.chat(REQUEST).catch(() => {}));
      await until('all 60 are in flight', () => server.inFlight === 60);
      await endpoint.close();
      await Promise.all(chats);
    },
  );

  it('is believed after a second without a refusal', async () => {
    const { server, endpoint } = await serve(holding);
    const chats = Array.from({ length: 60 }, () => endpoint.chat(REQUEST).catch(() => {}));
    await expect.poll(() => server.inFlight).toBe(4);
    await expect.poll(() => server.inFlight, { timeout: 5000 }).toBe(60);
    await endpoint.close();
    await Promise.all(chats);
  });
});

describe('headers of one’s own', () => {
  it('are sent, replace the key, and stay out of errors', async () => {
    const headers = { 'api-key': 'azure-5ecret-value', 'cf-access-client-secret': 'cf-5ecret-value' };
    const { server, endpoint } = await serve(
      (response, request) => response.writeHead(401).end(JSON.stringify(request.headers)),
      { headers },
    );
    const error = await failure(endpoint.chat(REQUEST));
    expect(server.received[0]?.headers).toMatchObject(headers);
    expect(server.received[0]?.headers.authorization).toBeUndefined();
    expect(describeError(error)).toContain('***');
    expect(`${describeError(error)} ${JSON.stringify(error)}`).not.toContain('5ecret');
  });
});

describe('the base URL without its /v1', () => {
  it('is found out by the models list, and the right one named', async () => {
    const { server } = await serve((response, { path }) => {
      if (path === '/v1/models') response.end('{"data":[{"id":"m"}]}');
      else response.writeHead(404).end('404 page not found');
    });
    const endpoint = Endpoint.open({ baseUrl: server.baseUrl.replace('/v1', '') });
    cleanups.push(() => endpoint.close());
    expect(describeError(await failure(endpoint.models()))).toBe(
      `404: 404 page not found: the base URL is ${server.baseUrl}`,
    );
  });
});
