import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lookAtEndpoint } from '../../../src/cli/endpoint-look.js';
import { type Asked, endpointProblem, unservedItems } from '../../../src/cli/preflight.js';
import { freePort } from '../../support/free-ports.js';

/** Starts an HTTP server on loopback and notes the paths that it is asked for. */
async function serve(answer: RequestListener): Promise<{ readonly origin: string; readonly paths: string[] }> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, paths };
}

/** A server with a list of models under a path, and a page of HTML with this status under all others. */
function listing(path: string, models: readonly object[], elseStatus = 404): RequestListener {
  return (request, response) => {
    if (request.url === path) response.end(JSON.stringify({ data: models }));
    else response.writeHead(elseStatus, { 'content-type': 'text/html' }).end('<html>nothing here</html>');
  };
}

const interrupt = new AbortController().signal;

async function problemOf(endpoint: string, asked: Partial<Asked> = {}): Promise<string | undefined> {
  const look = await lookAtEndpoint(endpoint, { env: {}, interrupt }, 2_000);
  const problem = endpointProblem(look, askedOf(endpoint, asked));
  return problem === undefined ? undefined : `${problem.exitCode}: ${problem.message}\n${problem.hint}`;
}

function askedOf(endpoint: string, asked: Partial<Asked>): Asked {
  const modalities = { text: 1, vision: 0, audio: 0 };
  return { endpoint, model: undefined, models: [], modalities, yes: false, isOurKey: true, ...asked };
}

const ids = (...names: string[]): object[] => names.map((id) => ({ id, object: 'model' }));

describe('a model that the list does not have', () => {
  const LIST = ids('gpt-5-mini', 'gpt-5', 'models/gemini-3', 'llama3:latest', 'meta/llama-4', 'o4');

  test.each([
    ['gpt-5-mimi', 'Did you mean gpt-5-mini?'],
    ['llama-4', 'Did you mean meta/llama-4?'],
    ['GPT-5', 'Did you mean gpt-5 or gpt-5-mini?'],
    ['something-else-altogether', 'It has gpt-5-mini, gpt-5, models/gemini-3, llama3:latest, meta/llama-4, o4.'],
  ])('is refused with the names that %s may mean', async (model, words) => {
    const { origin } = await serve(listing('/v1/models', LIST));
    expect(await problemOf(`${origin}/v1`, { model })).toBe(
      `2: ${origin}/v1 does not list the model ${model}\n${words} Give --yes to ask it all the same.`,
    );
    expect(await problemOf(`${origin}/v1`, { model, yes: true })).toBeUndefined();
  });

  test.each(['gpt-5', 'gemini-3', 'llama3', 'o4:online'])('is not %s, which the endpoint takes', async (model) => {
    const { origin } = await serve(listing('/v1/models', LIST));
    expect(await problemOf(`${origin}/v1`, { model })).toBeUndefined();
  });

  test('is waited for when it is one of the network, or its nodes are away', async () => {
    const { origin } = await serve(
      listing('/v1/models', [
        { id: 'a:1b', nodes: 3 },
        { id: 'b:1b', nodes: 0 },
      ]),
    );
    expect(await problemOf(`${origin}/v1`, { model: 'qwen3.5:9b' })).toBeUndefined();
    expect(await problemOf(`${origin}/v1`, { model: 'b:1b' })).toBeUndefined();
    expect(await problemOf(`${origin}/v1`, { model: 'c:1b' })).toContain('does not list');
  });
});

describe('a list without a chosen model', () => {
  test('of more than five models without node counts asks for -m', async () => {
    const { origin } = await serve(listing('/v1/models', ids('a', 'b', 'c', 'd', 'e', 'f')));
    expect(await problemOf(`${origin}/v1`)).toBe(
      `2: ${origin}/v1 lists 6 models and does not say which of them to ask\nGive -m with one of them: a, b, c, d, e, f`,
    );
  });

  test('of a few models, or with node counts, is enough', async () => {
    const few = await serve(listing('/v1/models', ids('a', 'b')));
    expect(await problemOf(`${few.origin}/v1`)).toBeUndefined();
    const counted = Array.from({ length: 9 }, (_, at) => ({ id: `m${at}`, nodes: 1 }));
    const network = await serve(listing('/v1/models', counted));
    expect(await problemOf(`${network.origin}/v1`)).toBeUndefined();
  });
});

describe('an endpoint under another path is named', () => {
  test.each([
    ['', '/v1'],
    ['/v2', '/v1'],
    ['/api', '/api/v1'],
    ['/wrong/place', '/v1'],
  ])('for %s, also with a chosen model, and also when the server has a page there', async (given, right) => {
    for (const status of [404, 200]) {
      const { origin } = await serve(listing(`${right}/models`, ids('a'), status));
      expect(await problemOf(`${origin}${given}`, { model: 'a' })).toBe(
        `2: the endpoint is not at ${origin}${given}, but at ${origin}${right}\n` +
          `Give --base-url ${origin}${right}, or set DRIA_BASE_URL to it.`,
      );
    }
  });
});

describe('without a list', () => {
  test.each([
    [403, /^1: the models of .* cannot be had: 403: .*\nGive -m/],
    [404, /^1: the models of .* cannot be had: 404: .*\nGive -m/],
    [401, /^1: the models of .* cannot be had: 401: .*\nCheck DRIA_API_KEY/],
  ])('for a %d a model must be chosen, and then the run goes on', async (status, words) => {
    const { origin } = await serve((_, response) => response.writeHead(status).end('{"error":"not for you"}'));
    expect(await problemOf(`${origin}/v1`)).toMatch(words);
    expect(await problemOf(`${origin}/v1`, { model: 'mine' })).toBeUndefined();
    expect(await problemOf(`${origin}/v1`, { isOurKey: false })).toBeUndefined();
  });

  test('an endpoint that is away, hangs or is busy is left to the run', async () => {
    expect(await problemOf(`http://127.0.0.1:${await freePort()}/v1`)).toBeUndefined();
    const hanging = await serve(() => undefined);
    expect(await problemOf(`${hanging.origin}/v1`)).toBeUndefined();
    const busy = await serve((_, response) => response.writeHead(503).end('Loading model'));
    expect(await problemOf(`${busy.origin}/v1`)).toBeUndefined();
    expect(busy.paths).toEqual(['/v1/models']);
  });
});

describe('what no listed model takes', () => {
  const MODALITIES = { text: 3, vision: 2, audio: 0 };

  async function unserved(models: readonly object[], model?: string): Promise<string[]> {
    const { origin } = await serve(listing('/v1/models', models));
    const endpoint = `${origin}/v1`;
    const look = await lookAtEndpoint(endpoint, { env: {}, interrupt });
    return [...unservedItems(look, askedOf(endpoint, { model, modalities: MODALITIES })).modalities.keys()];
  }

  test.each<[what: string, models: object[], model: string | undefined, modalities: string[]]>([
    ['a list of text models', [{ id: 'a', modality: 'text' }, { id: 'nanbeige:3b' }], undefined, ['vision']],
    [
      'a list with a model that sees',
      [
        { id: 'a', modality: 'text' },
        { id: 'b', modality: 'vision' },
      ],
      undefined,
      [],
    ],
    [
      'a model that sees without nodes',
      [
        { id: 'a', modality: 'text' },
        { id: 'b-vl', nodes: 0 },
      ],
      undefined,
      [],
    ],
    ['a model of which nothing is known', [{ id: 'a', modality: 'text' }, { id: 'gpt-5' }], undefined, []],
    ['a chosen model', [{ id: 'a', modality: 'text' }], 'a', []],
    ['an empty list', [], undefined, []],
  ])('of %s', async (_what, models, model, modalities) => {
    expect(await unserved(models, model)).toEqual(modalities);
  });
});
