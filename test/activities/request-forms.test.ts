import { expect, it } from 'vitest';
import { completion } from '../dria/scripted-server.js';
import { errorBody, scripted } from './endpoints.js';

const SCHEMA = { type: 'object', properties: { mood: { type: 'string' } }, required: ['mood'] };
const CALL = { id: 'call_1', type: 'function', function: { name: 'look_up', arguments: '{}' } };

it('requests have the fields that a run adds, and not those that it leaves out or renames', async () => {
  const options = {
    body: { seed: 7, temperature: 0 },
    omit: ['response_format'],
    rename: { max_tokens: 'max_output' },
    schema: SCHEMA,
  };
  const { world, server } = await scripted(['one'], (response) => response.end(completion('{"mood":"good"}')), {
    options,
  });
  expect(await world.infer('0')).toMatchObject({ counts: { ok: 1 } });
  const body = JSON.parse(server.received[0]?.body ?? '');
  expect(body).toMatchObject({ seed: 7, temperature: 0, max_output: 100 });
  expect(Object.keys(body)).not.toContain('response_format');
  expect(Object.keys(body)).not.toContain('max_tokens');
  expect(body.messages[0].content).toContain('JSON Schema');
});

it('a field of the run that the endpoint refuses is the item’s failure, and is not asked for again in another form', async () => {
  const refuse = (response: { writeHead(status: number): { end(body: string): unknown } }) =>
    response.writeHead(400).end(errorBody("Unsupported parameter: 'temperature' is not supported with this model."));
  const { world, asked } = await scripted(['one', 'two'], refuse, { options: { body: { temperature: 0 } } });
  await world.infer('0').catch(() => undefined);
  expect(asked()).toEqual(['one']);
});

it('an answer that calls tools counts, and its line has the calls; with raw the whole answer too', async () => {
  const body = {
    id: 'x',
    choices: [{ message: { role: 'assistant', content: null, tool_calls: [CALL] }, finish_reason: 'tool_calls' }],
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
  };
  const options = { raw: true, body: { tools: [{ type: 'function', function: { name: 'look_up' } }] } };
  const { world } = await scripted(['one'], (response) => response.end(JSON.stringify(body, null, 2)), { options });
  expect(await world.infer('0')).toMatchObject({ counts: { ok: 1, empty: 0 } });
  const [record] = await world.answers();
  expect(record?.result).toEqual({ id: 1, model: 'qwen3.5:9b', output: '', tool_calls: [CALL], tokens: 3, raw: body });
});

it('a conversation is sent as it is, with the run’s system message, the fields of the item and the schema in words', async () => {
  const messages = [
    { role: 'system', content: 'Be long.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello.' },
    { role: 'user', content: [{ type: 'text', text: 'Mood?' }] },
  ];
  const line = { id: 'a', messages, max_tokens: 7, temperature: 0, body: { seed: 2 } };
  const options = { system: 'Be brief.', body: { seed: 1, n: 1 }, omit: ['response_format'], schema: SCHEMA };
  const { world, server } = await scripted([line], (response) => response.end(completion('{"mood":"good"}')), {
    options,
  });
  expect(await world.infer('0')).toMatchObject({ counts: { ok: 1 } });
  const body = JSON.parse(server.received[0]?.body ?? '');
  expect(body).toMatchObject({ max_tokens: 7, temperature: 0, seed: 2, n: 1 });
  expect(body.messages).toEqual([
    { role: 'system', content: 'Be brief.' },
    ...messages.slice(1),
    { role: 'user', content: expect.stringContaining('JSON Schema') },
  ]);
});

it('a target that takes no system messages gets those of a conversation as the user’s', async () => {
  const refuse = errorBody('System role not supported', { type: 'invalid_request_error' });
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ];
  const { world, server } = await scripted([{ messages }], (response, { body }) => {
    if (body.includes('"system"')) response.writeHead(400).end(refuse);
    else response.end(completion('Hello.'));
  });
  expect(await world.infer('0')).toMatchObject({ counts: { ok: 1 } });
  expect(JSON.parse(server.received.at(-1)?.body ?? '').messages).toEqual([
    { role: 'user', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ]);
});
