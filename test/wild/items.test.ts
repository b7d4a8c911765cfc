import { expect, it } from 'vitest';
import { completion } from '../dria/scripted-server.js';
import { askedTimes, prompts, World } from '../support/batch-world.js';
import { scriptedWorld } from './scripted-world.js';
import { errorsOf, page, pictures, refused, SCHEMA } from './shapes.js';

const VISION = [{ id: 'qwen3.5:9b', nodes: 5 }];
const TWO_VISION = [...VISION, { id: 'qwen3.5:2b', nodes: 2 }];

it.each([
  {
    words: 'Unable to process input image.',
    respond: refused(400, [
      { error: { code: 400, message: 'Unable to process input image.', status: 'INVALID_ARGUMENT' } },
    ]),
  },
  { words: 'image too large', respond: { status: 413, message: 'image too large: 9000x9000 pixels' } },
])('1: fails one picture of twenty with the words "$words" and answers the others', async ({ words, respond }) => {
  const rules = [{ match: { promptIncludes: 'picture 7.' }, respond }];
  const world = await World.open({ simulator: { models: VISION, rules } });
  const run = await world.start(pictures(20), { options: { concurrency: 4 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 19, failed: 1 });
  expect(errorsOf(world.output(results))).toEqual({ 7: expect.stringContaining(words) });
  expect(askedTimes(await world.requests()).get('picture 7.')).toBe(1);
});

it('1: answers every good picture though the bad ones come first and each model refuses them', async () => {
  const world = await World.open({ simulator: { models: TWO_VISION, quirks: ['bad-picture=4'], seed: 3 } });
  const run = await world.start(pictures(40), { options: { concurrency: 4 } });
  const { results, ...summary } = await run.result();
  const refusedPrompts = new Set(
    (await world.requests()).filter(({ quirks = [] }) => quirks.includes('bad-picture')).map(({ prompt }) => prompt),
  );
  expect(refusedPrompts.size).toBeGreaterThan(2);
  expect(summary).toMatchObject({ ok: 40 - refusedPrompts.size, failed: refusedPrompts.size });
  const errors = Object.values(errorsOf(world.output(results)));
  expect(errors.filter((error) => !/^400: .*(image|image or audio file)/.test(error))).toEqual([]);
});

it.each([
  {
    shape: "a provider's JSON",
    respond: refused(403, {
      error: { code: 403, message: 'Your input was flagged for "violence".', metadata: { reasons: ['violence'] } },
    }),
    words: 'flagged',
  },
  { shape: "a firewall's page", respond: page(403, 'Attention Required! | Cloudflare'), words: 'Attention Required' },
])('2: fails only the prompt that gets $shape as a 403 after an answer', async ({ respond, words }) => {
  const rules = [{ match: { promptIncludes: 'prompt 13' }, respond }];
  const world = await World.open({ simulator: { models: [{ id: 'nanbeige:3b', nodes: 3 }], rules } });
  const run = await world.start(prompts(20), { options: { concurrency: 2 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 19, failed: 1, failedByKind: { 403: 1 } });
  expect(errorsOf(world.output(results))).toEqual({ 13: expect.stringContaining(words) });
  expect(askedTimes(await world.requests()).get('prompt 13')).toBe(1);
});

it('2: fails what is moderated and answers the rest, on an endpoint with neither list nor balance', async () => {
  const world = await World.open({
    simulator: { quirks: ['moderation=3', 'restricted-key'], models: [{ id: 'nanbeige:3b', nodes: 3 }] },
  });
  const run = await world.start(prompts(30), { options: { model: 'nanbeige:3b', concurrency: 3 } });
  const summary = await run.result();
  const moderated = (await world.requests()).filter(({ quirks = [] }) => quirks.includes('moderation')).length;
  expect(moderated).toBeGreaterThan(1);
  expect(summary).toMatchObject({ ok: 30 - moderated, failed: moderated, failedByKind: { 403: moderated } });
});

it.each([
  { shape: 'half a JSON', answer: '{"answer": "it goes on and', finish: 'length' },
  { shape: 'nothing but reasoning', answer: '', finish: 'length' },
])('15: asks once for an answer cut at max_tokens ($shape), and names --max-tokens', async ({ answer, finish }) => {
  const { world, chats } = await scriptedWorld((response, { prompt }) =>
    response.end(
      prompt === 'prompt 2'
        ? completion(answer, {
            choices: [
              { message: { role: 'assistant', content: answer, reasoning_content: 'hm' }, finish_reason: finish },
            ],
          })
        : completion('{"answer":"yes"}'),
    ),
  );
  const run = await world.start(prompts(4), { options: { schema: SCHEMA, maxTokens: 16 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 3, failed: 1, requests: 4 });
  expect(errorsOf(world.output(results))).toEqual({ 2: expect.stringContaining('--max-tokens') });
  expect(chats.filter(({ prompt }) => prompt === 'prompt 2')).toHaveLength(1);
});

it('15: names --max-tokens where all tokens went into reasoning, with no schema either', async () => {
  const world = await World.open({ simulator: { quirks: ['cut=64,reasoning'] } });
  const run = await world.start(prompts(4), { options: { maxTokens: 32 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 0, failed: 4, requests: 4 });
  expect(Object.values(errorsOf(world.output(results)))).toEqual(
    Array(4).fill(expect.stringContaining('--max-tokens')),
  );
});

it('15: keeps a cut text as an answer that is marked and counted', async () => {
  const world = await World.open({ simulator: { quirks: ['cut=64,half'] } });
  const run = await world.start(prompts(4), { options: { maxTokens: 32, detail: true } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 4, truncated: 4, requests: 4 });
  expect(world.output(results).map(({ finish_reason }) => finish_reason)).toEqual(Array(4).fill('length'));
});

it.each(['both'])('16: reads the JSON out of an answer with %s around it, at once', async (form) => {
  const world = await World.open({ simulator: { quirks: [`thinking=${form}`] } });
  const run = await world.start(prompts(8), { options: { schema: SCHEMA } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 8, requests: 8 });
  expect(world.output(results).map(({ parsed }) => parsed)).toEqual(Array(8).fill({ answer: expect.any(String) }));
});

it.each([
  { shape: 'words before it', answer: 'Sure! Here you are: {"answer":"yes"}', ok: 1 },
  { shape: 'a second value that satisfies the schema too', answer: '{"answer":"yes"} or {"answer":"no"}', ok: 0 },
])('16: takes an answer with $shape for $ok of 1', async ({ answer, ok }) => {
  const { world } = await scriptedWorld((response) => response.end(completion(answer)));
  const run = await world.start(['one'], { options: { schema: SCHEMA, retries: 0 } });
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok, failed: 1 - ok, requests: 1 });
  if (ok === 1) expect(world.output(results)[0]).toMatchObject({ parsed: { answer: 'yes' } });
});

it('18: keeps every digit of the integers in structured answers', async () => {
  const schema = {
    type: 'object',
    properties: { n: { type: 'integer' } },
    required: ['n'],
    additionalProperties: false,
  };
  const world = await World.open({ simulator: { quirks: ['big-numbers'] } });
  const run = await world.start(prompts(5), { options: { schema } });
  const { results } = await run.result();
  const lines = world.text(results).trim().split('\n');
  expect(lines).toHaveLength(5);
  for (const line of lines) {
    const digits = /"output":"\{\\"n\\":(\d+)\}"/.exec(line)?.[1];
    expect(BigInt(digits ?? 0)).toBeGreaterThan(2n ** 53n);
    expect(line).toContain(`"parsed":{"n":${digits}}`);
  }
});

it.each(['123456789012345678901234567890', '1e400'])(
  '18: writes the number %s as the model wrote it',
  async (number) => {
    const schema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] };
    const { world } = await scriptedWorld((response) => response.end(completion(`{"n": ${number}}`)));
    const run = await world.start(['one'], { options: { schema, retries: 0 } });
    const { results, ok } = await run.result();
    const line = world.text(results);
    if (ok === 1) expect(line.replaceAll(' ', '')).toContain(`"parsed":{"n":${number}}`);
    else expect(line).toContain('"error"');
  },
);

it('26: writes line separators escaped and half a surrogate as U+FFFD, also in structured answers', async () => {
  for (const options of [{}, { schema: SCHEMA }]) {
    const world = await World.open({ simulator: { quirks: ['odd-characters'] } });
    const run = await world.start(prompts(4), { options });
    const { results } = await run.result();
    const text = world.text(results);
    expect(text).not.toMatch(/[\u2028\u2029\u0085]|\\ud83d(?!\\ude)/i);
    expect(text).not.toMatch(/\p{Cs}/u);
    expect(text.split('\n').filter((line) => line !== '')).toHaveLength(4);
    expect(world.output(results).map(({ output }) => output)).toEqual(
      Array(4).fill(expect.stringContaining('a\u2028b\u2029c\u0085d\ufffde')),
    );
  }
});

it.each([
  ['\ude00 the other half', '\ufffd the other half'],
  ['NUL \u0000 and BEL \u0007', 'NUL \u0000 and BEL \u0007'],
])('26: gives one line for %j, which reads as %j', async (content, read) => {
  const { world } = await scriptedWorld((response) => response.end(completion(content)));
  const run = await world.start(['one']);
  const { results } = await run.result();
  const text = world.text(results);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
  expect(text.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u0085\u2028\u2029]/);
  expect(world.output(results)).toMatchObject([{ output: read }]);
});

it('27: marks and counts answers that a content filter has cut, as cut ones are', async () => {
  const world = await World.open({ simulator: { quirks: ['filtered=4'] } });
  const run = await world.start(prompts(20), { options: { detail: true } });
  const { results, ...summary } = await run.result();
  const cut = (await world.requests()).filter(({ quirks = [] }) => quirks.includes('filtered')).length;
  expect(cut).toBeGreaterThan(1);
  expect(summary).toMatchObject({ ok: 20, requests: 20, filtered: cut });
  const marked = world.output(results).filter(({ finish_reason }) => finish_reason === 'content_filter');
  expect(marked).toHaveLength(cut);
});

it('27: fails an answer of which the content filter has left nothing, at the first request', async () => {
  const { world, chats } = await scriptedWorld((response, { prompt }) =>
    response.end(
      prompt === 'prompt 1'
        ? completion('', { choices: [{ message: { content: null }, finish_reason: 'content_filter' }] })
        : completion('yes'),
    ),
  );
  const run = await world.start(prompts(3));
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 2, failed: 1, requests: 3 });
  expect(errorsOf(world.output(results))).toEqual({ 1: expect.stringContaining('content_filter') });
  expect(chats).toHaveLength(3);
});

it('31: accepts an empty answer with finish_reason stop the second time, and counts it', async () => {
  const world = await World.open({ simulator: { quirks: ['empty-answer=prompt 3'] } });
  const run = await world.start(prompts(6));
  const { results, ...summary } = await run.result();
  expect(summary).toMatchObject({ ok: 6, failed: 0, requests: 7, empty: 1 });
  expect(world.output(results)[3]).toMatchObject({ id: 4, output: '' });
  expect(askedTimes(await world.requests()).get('prompt 3')).toBe(2);
});

it.each([
  { shape: 'null', message: { content: null } },
  { shape: 'no parts', message: { content: [] } },
])('31: accepts an answer of $shape the second time', async ({ message }) => {
  const { world, chats } = await scriptedWorld((response) =>
    response.end(completion('', { choices: [{ message, finish_reason: 'stop' }] })),
  );
  const run = await world.start(['one']);
  expect(await run.result()).toMatchObject({ ok: 1, failed: 0, requests: 2 });
  expect(chats).toHaveLength(2);
});

it('31: does not accept an empty answer that does not say it was meant', async () => {
  const { world, chats } = await scriptedWorld((response) =>
    response.end(completion('', { choices: [{ message: { content: '' }, finish_reason: null }] })),
  );
  const run = await world.start(['one'], { options: { retries: 2 } });
  expect(await run.result()).toMatchObject({ ok: 0, failed: 1, empty: 3 });
  expect(chats).toHaveLength(3);
});
