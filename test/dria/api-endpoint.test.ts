import { expect, it, onTestFinished } from 'vitest';
import type { ChatRequest } from '../../src/dria/chat-request.js';
import { Endpoint } from '../../src/dria/endpoint.js';
import { always, type Script, ScriptedServer } from './scripted-server.js';

const REQUEST: ChatRequest = { model: 'm', prompt: 'Hi', maxTokens: 9, temperature: 0.5, timeoutMs: 10_000 };

async function endpointWith(script: Script) {
  const server = await new ScriptedServer(script).listen();
  const endpoint = Endpoint.open({ baseUrl: server.baseUrl, apiKey: 'key-of-somebody' });
  onTestFinished(async () => {
    await endpoint.close();
    await server.close();
  });
  return { server, endpoint };
}

const refused = (message: string): string => JSON.stringify({ error: { message, type: 'invalid_request_error' } });

it('a field that /v1/responses refuses is left out from then on', async () => {
  const answer = {
    status: 'completed',
    output: [{ type: 'message', content: [{ type: 'output_text', text: 'Yes.' }] }],
  };
  const counted = JSON.stringify({ ...answer, usage: { input_tokens: 2, output_tokens: 1 } });
  const { server, endpoint } = await endpointWith((response, { body }) => {
    if (body.includes('temperature'))
      response.writeHead(400).end(refused("Unsupported parameter: 'temperature' is not supported with this model."));
    else response.end(counted);
  });
  expect((await endpoint.chat({ ...REQUEST, api: 'responses' })).text).toBe('Yes.');
  expect((await endpoint.chat({ ...REQUEST, api: 'responses' })).text).toBe('Yes.');
  expect(server.received.map(({ path, body }) => [path, 'temperature' in JSON.parse(body)])).toEqual([
    ['/v1/responses', true],
    ['/v1/responses', false],
    ['/v1/responses', false],
  ]);
  expect(endpoint.lessons()).toEqual([{ target: 'm', text: 'm: the endpoint refuses temperature; it is left out' }]);
});

it('a schema that /v1/responses refuses is sent in a weaker form', async () => {
  const { server, endpoint } = await endpointWith((response, { body }) => {
    const { text } = JSON.parse(body);
    if (text?.format?.strict === true)
      response.writeHead(400).end(refused("Unsupported parameter: 'text.format.strict'"));
    else
      response.end(JSON.stringify({ output: [{ type: 'message', content: [{ type: 'output_text', text: '{}' }] }] }));
  });
  const schema = { name: 'answer', schema: { type: 'object' } };
  expect((await endpoint.chat({ ...REQUEST, api: 'responses', schema })).text).toBe('{}');
  expect(server.received.map(({ body }) => JSON.parse(body).text.format.strict)).toEqual([true, false]);
});

it('a path that an endpoint does not have is no fault of the item, and is named', async () => {
  const { endpoint } = await endpointWith(always(404, '{"detail":"Not Found"}'));
  await expect(endpoint.chat({ ...REQUEST, api: 'embeddings' })).rejects.toMatchObject({
    code: 'EndpointUnavailable',
    message: expect.stringMatching(/has http:\/\/127\.0\.0\.1:\d+\/v1 no \/embeddings\?/),
  });
});

it.each([
  [400, 'The model does not support Embeddings API', 'ModelUnavailable'],
  [501, 'This server does not support embeddings. Start it with `--embeddings`', 'ModelUnavailable'],
  [403, 'You are not allowed to generate embeddings from this model', 'ModelUnavailable'],
  [400, "This model's maximum context length is 8192 tokens, however you requested 9000 tokens", 'InvalidRequest'],
  [413, 'batch size 33 > maximum allowed batch size 32', 'InvalidRequest'],
  [422, 'Too many inputs in request, split into more batches.', 'InvalidRequest'],
])('%s %s of /v1/embeddings is %s', async (status, message, code) => {
  const { endpoint } = await endpointWith(always(status, refused(message)));
  await expect(endpoint.chat({ ...REQUEST, api: 'embeddings' })).rejects.toMatchObject({ code });
});

it('what any of the texts says that an error repeats does not count', async () => {
  const said = 'you have insufficient_quota, check your billing';
  const { endpoint } = await endpointWith(always(400, refused(`cannot embed: ${said}`)));
  const request = {
    ...REQUEST,
    api: 'embeddings',
    prompt: `one\n${said}`,
    texts: ['one', said],
    inputs: ['one', said],
  } as const;
  await expect(endpoint.chat(request)).rejects.toMatchObject({
    code: 'InvalidRequest',
    fault: 'item',
    shown: expect.not.stringContaining('insufficient_quota'),
  });
});
