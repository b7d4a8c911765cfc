import { expect, it } from 'vitest';
import { completion } from '../dria/scripted-server.js';
import { prompts, World } from '../support/batch-world.js';
import { type Chat, scriptedWorld } from './scripted-world.js';
import { openAi, SCHEMA } from './shapes.js';

/** A host of Dria's, behind a proxy: there `timeout_secs` is sent. */
const DRIAS = 'http://inference.dria.co/v1';

/** Requests that may be under way when the first is refused. */
const MAX_REFUSED = 4;

it('3: sends timeout_secs to Dria only', async () => {
  for (const baseUrl of [undefined, DRIAS]) {
    const { world, chats } = await scriptedWorld(
      (response) => response.end(completion('yes')),
      baseUrl === undefined ? {} : { baseUrl },
    );
    const run = await world.start(prompts(5));
    expect(await run.result()).toMatchObject({ ok: 5 });
    expect(chats.map(({ fields }) => fields.includes('timeout_secs'))).toEqual(Array(5).fill(baseUrl === DRIAS));
    await world.stopWorker();
  }
});

it.each([
  { status: 400, body: openAi('Unrecognized request argument supplied: timeout_secs') },
  {
    status: 422,
    body: {
      detail: [
        { type: 'extra_forbidden', loc: ['body', 'timeout_secs'], msg: 'Extra inputs are not permitted', input: 120 },
      ],
    },
  },
  { status: 500, body: { error: 'additional properties are not allowed: timeout_secs' } },
])('3: drops timeout_secs once for a target that refuses it with $status $body', async ({ status, body }) => {
  const { world, chats } = await scriptedWorld(
    (response, { fields }) =>
      fields.includes('timeout_secs')
        ? response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
        : response.end(completion('yes')),
    { baseUrl: DRIAS },
  );
  const run = await world.start(prompts(20), { options: { concurrency: 4, retries: 0 } });
  const summary = await run.result();
  expect(summary).toMatchObject({ ok: 20, failed: 0 });
  expect(refusedOnes(chats, 'timeout_secs').length).toBeLessThanOrEqual(MAX_REFUSED);
});

it('7: answers every item of a reasoning model', async () => {
  const world = await World.open({
    simulator: {
      quirks: ['reasoning-model'],
      models: [{ id: 'nanbeige:3b', nodes: 2 }],
      latency: { kind: 'fixed', ms: 5 },
    },
  });
  const run = await world.start(prompts(40), { options: { concurrency: 4, retries: 0 } });
  const summary = await run.result();
  expect(summary).toMatchObject({ ok: 40, failed: 0 });
  expect((await world.stats()).byStatus['400']).toBeLessThanOrEqual(2 * MAX_REFUSED);
});

it.each([
  {
    field: 'max_tokens',
    next: 'max_completion_tokens',
    body: openAi(
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
      { param: 'max_tokens', code: 'unsupported_parameter' },
    ),
  },
  {
    field: 'max_tokens',
    next: 'max_completion_tokens',
    body: { detail: 'max_tokens is not permitted for reasoning models, please use max_completion_tokens' },
  },
  {
    field: 'temperature',
    next: undefined,
    body: openAi(
      "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported.",
      { param: 'temperature', code: 'unsupported_value' },
    ),
  },
])('7: asks without $field, in all requests to come, where it is refused with $body', async ({ field, next, body }) => {
  const { world, chats } = await scriptedWorld((response, { fields }) =>
    fields.includes(field)
      ? response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      : response.end(completion('yes')),
  );
  const run = await world.start(prompts(20), { options: { concurrency: 4, retries: 0 } });
  const summary = await run.result();
  expect(summary).toMatchObject({ ok: 20, failed: 0 });
  expect(refusedOnes(chats, field).length).toBeLessThanOrEqual(MAX_REFUSED);
  if (next !== undefined) expect(chats.at(-1)?.fields).toContain(next);
});

it('7: learns of one model what another does not refuse', async () => {
  const models = [
    { id: 'old', nodes: 1 },
    { id: 'o9', nodes: 1 },
  ];
  const { world, chats } = await scriptedWorld(
    (response, { model, fields }) =>
      model === 'o9' && fields.includes('max_tokens')
        ? response
            .writeHead(400)
            .end(JSON.stringify(openAi("'max_tokens' is not supported with this model", { param: 'max_tokens' })))
        : response.end(completion('yes')),
    { models },
  );
  const run = await world.start(prompts(20), { options: { concurrency: 2, retries: 0 } });
  const summary = await run.result();
  expect(summary).toMatchObject({ ok: 20, failed: 0 });
  const old = chats.filter(({ model }) => model === 'old');
  expect(old.length).toBeGreaterThan(5);
  expect(refusedOnes(old, 'max_tokens')).toHaveLength(old.length);
});

it("7: fails items by a limit that is the user's to change, with the words, and does not send it otherwise", async () => {
  const words = "'max_tokens' must be less than or equal to 16";
  const { world, chats } = await scriptedWorld((response, { prompt }) =>
    prompt === 'prompt 3'
      ? response.writeHead(400).end(JSON.stringify(openAi(words, { param: 'max_tokens', code: 'invalid_value' })))
      : response.end(completion('yes')),
  );
  const run = await world.start(prompts(8));
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 7, failed: 1, requests: 8 });
  expect(world.output(results)[3]?.error).toContain(words);
  expect(chats.every(({ fields }) => fields.includes('max_tokens'))).toBe(true);
});

const OPEN_SCHEMA = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] };

it.each([
  { shape: 'object-only', schema: SCHEMA, format: 'json_object' },
  { shape: 'pydantic', schema: SCHEMA, format: 'json_object' },
  { shape: 'strict', schema: OPEN_SCHEMA, format: 'json_schema' },
  { shape: 'none', schema: SCHEMA, format: undefined },
])('14: sends the schema in a weaker form to an endpoint of the kind $shape', async ({ shape, schema, format }) => {
  const world = await World.open({
    simulator: { quirks: [`no-json-schema=${shape}`], models: [{ id: 'nanbeige:3b', nodes: 2 }] },
  });
  const run = await world.start(prompts(20), { options: { schema, concurrency: 4, retries: 0 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 20, failed: 0 });
  expect(world.output(results).map(({ parsed }) => parsed)).toEqual(Array(20).fill({ answer: expect.any(String) }));
  const requests = await world.requests();
  expect(requests.at(-1)?.format).toBe(format);
  // Three forms can be refused, each to those that are under way.
  expect(requests.filter(({ status }) => status !== 200).length).toBeLessThanOrEqual(3 * MAX_REFUSED);
});

it.each([
  {
    status: 400,
    body: openAi("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.", {
      param: 'response_format',
    }),
  },
  { status: 500, body: { error: 'grammar is not supported by this backend' } },
])('14: gives checked answers where every response_format is refused with $status $body', async ({ status, body }) => {
  const { world, chats } = await scriptedWorld((response, { fields, prompt, body: sent }) => {
    if (fields.includes('response_format')) return response.writeHead(status).end(JSON.stringify(body));
    expect(sent).toContain('additionalProperties');
    // One breaks the schema at first: the check is here, whatever the form.
    const isFirst =
      chats.filter((chat) => chat.prompt === prompt && !chat.fields.includes('response_format')).length === 1;
    return response.end(completion(prompt.startsWith('prompt 2') && isFirst ? '{"wrong":1}' : '{"answer":"yes"}'));
  });
  const run = await world.start(prompts(5), { options: { schema: SCHEMA } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 5, failed: 0, retries: 1 });
  expect(world.output(results).map(({ parsed }) => parsed)).toEqual(Array(5).fill({ answer: 'yes' }));
});

it.each([
  { row: 3, field: 'timeout_secs', baseUrl: DRIAS, note: /^m: the endpoint refuses timeout_secs; it is left out$/ },
  { row: 7, field: 'max_tokens', note: /^m: .*max_completion_tokens/ },
  { row: 7, field: 'temperature', note: /^m: .*temperature; it is left out$/ },
  { row: 14, field: 'response_format', note: /^m: the endpoint refuses the schema .* json_object/ },
])(
  '$row: says in the summary and in the progress what it sends in the place of $field',
  async ({ field, baseUrl, note }) => {
    const { world } = await scriptedWorld(
      (response, { fields, body }) =>
        fields.includes(field) && !body.includes('json_object')
          ? response.writeHead(400).end(JSON.stringify(openAi(`Unsupported parameter: '${field}'`, { param: field })))
          : response.end(completion('{"answer":"yes"}')),
      baseUrl === undefined ? {} : { baseUrl },
    );
    const run = await world.start(prompts(3), { options: { schema: SCHEMA } });
    expect((await run.result()).notes).toContainEqual(expect.stringMatching(note));
    expect((await run.progress()).notes).toContainEqual(expect.stringMatching(note));
  },
);

function refusedOnes(chats: readonly Chat[], field: string): readonly Chat[] {
  return chats.filter(({ fields }) => fields.includes(field));
}
