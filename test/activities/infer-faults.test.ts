import { ApplicationFailureCategory } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { completion } from '../dria/scripted-server.js';
import { PNG } from '../input/helpers.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, failureOf, KEY, resultIn } from '../support/activity-env.js';
import { type Answer, answers, byPrompt, errorBody, Held, promptOf, scripted } from './endpoints.js';

const PROMPTS = ['zero', 'one', 'two', 'three'];
const TARGET = 'qwen3.5:9b';

/** Four items; `one` gets an answer of its own each time. */
function oneOfFour(answer: Answer | ((time: number) => Answer)) {
  const script = byPrompt((prompt, time) => {
    if (prompt !== 'one') return 'ok';
    return typeof answer === 'function' ? answer(time) : answer;
  });
  return scripted(PROMPTS, script);
}

describe('a fault of the item', () => {
  it.each<[number, string]>([
    [400, 'the prompt is too long'],
    [413, 'too large'],
    [422, 'not a prompt'],
  ])('(%i %s) is its outcome, with the server’s words', async (status, words) => {
    const { world, asked } = await oneOfFour({ status, body: errorBody(words) });
    const result = await world.infer('0-3');
    const error = `${status}: ${words}`;
    expect(result).toMatchObject({
      failed: '',
      refused: '',
      open: '',
      lastFailures: [{ item: 1, target: TARGET, error }],
    });
    expect(result.counts).toMatchObject({ ok: 3, failed: 1, failedByKind: { [status]: 1 }, requests: 4, retries: 0 });
    expect(result.counts.models[TARGET]).toMatchObject({ sent: 4, ok: 3, failed: 1, fallbacks: 0 });
    expect(await world.failures()).toMatchObject([
      { item: 1, id: 2, failure: { target: TARGET, error, attempts: 1, tried: [TARGET] } },
    ]);
    expect(await world.tries()).toEqual([]);
    expect(asked()).toEqual(PROMPTS);
  });

  it('that an attachment’s target may have caused goes to another target, if there is one', async () => {
    const attachment = `data:image/png;base64,${PNG.toString('base64')}`;
    const refusal = { status: 400, body: errorBody('cannot do that') };
    const script = byPrompt((prompt) => (prompt === 'look' ? refusal : 'ok'));
    const { world } = await scripted([{ prompt: 'look', attachment }, 'hi'], script);
    const result = await world.infer('0-1', { modality: 'vision', hasOther: true });
    expect(result).toMatchObject({ failed: '', refused: '0', open: '' });
    expect(result.counts).toMatchObject({ ok: 1, failed: 0, requests: 2 });
    expect(result.counts.models[TARGET]).toMatchObject({ fallbacks: 1 });
    expect(await world.failures()).toEqual([]);
  });

  it('that an attachment’s target may have caused fails it with the server’s words if there is no other', async () => {
    const attachment = `data:image/png;base64,${PNG.toString('base64')}`;
    const { world } = await scripted([{ prompt: 'look', attachment }], (response) =>
      response.writeHead(400).end(errorBody('cannot do that')),
    );
    const result = await world.infer('0', { modality: 'vision' });
    expect(result).toMatchObject({ refused: '', open: '', counts: { failed: 1 } });
    expect(await world.failures()).toMatchObject([{ failure: { error: '400: cannot do that' } }]);
  });
});

describe('a fault of the attempt', () => {
  it.each<[string, Answer, string]>([
    ['a 500', { status: 500, body: errorBody('broken') }, '500: broken'],
    ['a 504', { status: 504, body: errorBody('the node timed out') }, '504: the node timed out'],
    ['a 409', { status: 409, body: errorBody('conflict') }, '409: conflict'],
    ['a body that is no answer', { status: 200, body: '{}' }, 'bad response: the answer has no message in it'],
    ['an error in a 200', { status: 200, body: errorBody('upstream', { code: 502 }) }, '502: upstream'],
  ])('(%s) hands the item back as failed, and records the try', async (_what, answer, error) => {
    const { world, asked } = await oneOfFour(answer);
    const result = await world.infer('0-3');
    expect(result).toMatchObject({ failed: '1', refused: '', open: '', lastFailures: [] });
    expect(result.counts).toMatchObject({ ok: 3, failed: 0, requests: 4, retries: 0, failedByKind: {} });
    expect(await world.tries()).toMatchObject([
      { item: 1, by: '00000000-pack-1', try: { target: TARGET, error, attempt: 1 } },
    ]);
    expect(await world.failures()).toEqual([]);
    expect(asked()).toEqual(PROMPTS);
  });

  it('counts what an answer of no use has cost', async () => {
    const { world } = await oneOfFour({
      status: 200,
      body: completion('', { choices: [{ message: { content: '' } }] }),
    });
    const result = await world.infer('0-3');
    expect(result).toMatchObject({ failed: '1', counts: { ok: 3, tokens: 21, wastedTokens: 7, empty: 1 } });
    expect(await world.tries()).toMatchObject([{ try: { tokens: 7 } }]);
  });

  it('hands on how long the endpoint asks to wait', async () => {
    const { world } = await oneOfFour({ status: 500, body: errorBody('later'), headers: { 'retry-after': '7' } });
    expect(await world.infer('0-3')).toMatchObject({ failed: '1', waitMs: 7_000 });
  });
});

describe('a fault of the target', () => {
  it.each<[string, Answer, string, string]>([
    ['no nodes', { status: 503, body: errorBody('no nodes available') }, 'NoNodesAvailable', '503: no nodes available'],
    [
      'no such model',
      { status: 404, body: errorBody('no', { code: 'model_not_found' }) },
      'ModelUnavailable',
      '404: no',
    ],
    [
      'a long limit',
      { status: 429, body: errorBody('slow down'), headers: { 'retry-after': '90' } },
      'RateLimited',
      '429: slow down',
    ],
  ])(
    '(%s) ends the pack with what it has done; the item goes back with the rest',
    async (_what, answer, type, message) => {
      const { world, asked } = await oneOfFour(answer);
      const failure = await failureOf(world.infer('0-3'));
      expect(failure).toMatchObject({ type, message, nonRetryable: true, category: ApplicationFailureCategory.BENIGN });
      const result = resultIn(failure);
      expect(result).toMatchObject({ failed: '', refused: '', open: '1-3', counts: { ok: 1, failed: 0, requests: 2 } });
      expect(result.counts.models[TARGET]).toMatchObject({ sent: 2, fallbacks: 1 });
      expect(asked()).toEqual(['zero', 'one']);
      expect(await world.answers()).toHaveLength(1);
      expect((await world.tries()).map((record) => record.try.attempt)).toEqual([0]);
      if (type === 'RateLimited') expect(result.waitMs).toBe(90_000);
    },
  );

  it('that is known ends the next pack without a request', async () => {
    const { world, asked } = await oneOfFour(503);
    await failureOf(world.infer('1'));
    const failure = await failureOf(world.infer('2', {}, { activityId: 'pack-2' }));
    expect(failure).toMatchObject({ type: 'NoNodesAvailable' });
    expect(resultIn(failure)).toMatchObject({ open: '2', counts: { requests: 0 } });
    expect(resultIn(failure).counts.models[TARGET]).toMatchObject({ sent: 0, fallbacks: 0 });
    expect(asked()).toEqual(['one']);
  });

  it('that takes no images ends the pack', async () => {
    const network = await simulator({ quirks: ['no-images'] });
    const world = await ActivityWorld.open({ baseUrl: network.url });
    const attachment = `data:image/png;base64,${PNG.toString('base64')}`;
    await world.prepare([
      { prompt: 'see', attachment },
      { prompt: 'look', attachment },
    ]);
    const failure = await failureOf(world.infer('0-1', { modality: 'vision' }));
    expect(failure).toMatchObject({ type: 'ModalityRefused', nonRetryable: true });
    expect(resultIn(failure)).toMatchObject({ open: '0-1', refused: '', counts: { ok: 0 } });
  });
});

describe('a fault of the endpoint', () => {
  it.each<[number, string, string]>([
    [401, 'bad key', 'Unauthorized'],
    [402, 'no credits', 'PaymentRequired'],
  ])('(%i %s) ends the pack, loudly, and never names the key', async (status, words, type) => {
    const { world } = await oneOfFour({ status, body: errorBody(words) });
    const failure = await failureOf(world.infer('0-3'));
    expect(failure).toMatchObject({ type, message: `${status}: ${words}`, nonRetryable: true });
    expect(failure.category).not.toBe(ApplicationFailureCategory.BENIGN);
    const result = resultIn(failure);
    expect(result).toMatchObject({ open: '1-3', failed: '', counts: { ok: 1, requests: 2 } });
    expect(result.counts.models[TARGET]).toMatchObject({ fallbacks: 0 });
    expect(JSON.stringify(failure) + failure.stack).not.toContain(KEY);
  });

  it('(nobody is there) ends the pack and uses no attempt', async () => {
    const { world, server } = await scripted(PROMPTS, answers);
    await world.infer('0');
    await server.close();
    const failure = await failureOf(world.infer('1-3', {}, { activityId: 'pack-2' }));
    expect(failure).toMatchObject({ type: 'EndpointUnavailable', nonRetryable: true });
    expect(resultIn(failure)).toMatchObject({ open: '1-3', failed: '' });
    expect((await world.tries()).map((record) => record.try.attempt)).toEqual([0]);
  });
});

describe('a short limit', () => {
  const limited = { status: 429, body: errorBody('slow down'), headers: { 'retry-after': '0' } };

  it('is waited for: the item is asked again by the same attempt, as a request and no retry', async () => {
    const { world, asked } = await oneOfFour((time) => (time <= 2 ? limited : 'ok'));
    const result = await world.infer('0-3');
    expect(result).toMatchObject({ failed: '', open: '', counts: { ok: 4, requests: 6, retries: 0 } });
    expect(result.counts.models[TARGET]).toMatchObject({ sent: 6, fallbacks: 0 });
    expect(await world.tries()).toEqual([]);
    expect(asked().filter((prompt) => prompt === 'one')).toHaveLength(3);
  });

  it('that is over leaves no wait for what failed for other reasons', async () => {
    const script = byPrompt((prompt, time) =>
      prompt === 'one' ? 500 : prompt === 'two' && time === 1 ? limited : 'ok',
    );
    const { world } = await scripted(PROMPTS, script);
    const result = await world.infer('0-3');
    expect(result).toMatchObject({ failed: '1', counts: { ok: 3 } });
    expect(result.waitMs).toBeUndefined();
  });

  it('is not what items have failed with that are asked again', async () => {
    const script = byPrompt((prompt, time) =>
      prompt === 'one' ? 500 : prompt === 'two' && time === 1 ? limited : 'ok',
    );
    const { world } = await scripted(PROMPTS, script);
    const failure = await failureOf(world.infer('0-3', { retrying: true }));
    expect(failure).toMatchObject({ type: 'ServerError', nextRetryDelay: undefined });
  });
});

describe('a budget of tokens', () => {
  it('ends the pack once it is spent: the rest goes back', async () => {
    const { world, asked } = await scripted(PROMPTS, answers);
    const result = await world.infer('0-3', { tokens: 10 });
    expect(result).toMatchObject({ open: '2-3', counts: { ok: 2, tokens: 14 } });
    expect(asked()).toEqual(['zero', 'one']);
  });

  it('is spent by answers of no use as well', async () => {
    const { world, asked } = await scripted(PROMPTS, (response) => response.writeHead(200).end(completion('')));
    expect(await world.infer('0-3', { tokens: 10 })).toMatchObject({ failed: '0-1', open: '2-3' });
    expect(asked()).toEqual(['zero', 'one']);
  });

  it('counts what earlier attempts have spent of it', async () => {
    const { world, asked } = await scripted(PROMPTS, answers);
    await world.infer('0-1');
    expect(await world.infer('0-3', { tokens: 14 }, { attempt: 2 })).toMatchObject({ open: '2-3', counts: { ok: 2 } });
    expect(asked()).toEqual(['zero', 'one']);
  });
});

describe('failures before anything is answered', () => {
  const PROMPTS_8 = Array.from({ length: 8 }, (_, item) => `p${item}`);
  const refuse = (prompt: string): Answer => ({ status: 400, body: errorBody(`"${prompt}" is not allowed here`) });

  it('go back if five are alike: the run is asked about them, and nothing is recorded', async () => {
    const { world, asked } = await scripted(PROMPTS_8, byPrompt(refuse));
    const failure = await failureOf(world.infer('0-7'));
    expect(failure).toMatchObject({ type: 'AllRefused', nonRetryable: true });
    expect(failure.message).toMatch(/^400: .*is not allowed here$/);
    expect(resultIn(failure)).toMatchObject({ open: '0-7', failed: '', counts: { failed: 0, requests: 5 } });
    expect(asked()).toHaveLength(5);
    expect(await world.records()).toEqual([]);
  });

  it('go back also if their attempts are used up', async () => {
    const { world } = await scripted(
      PROMPTS_8,
      byPrompt(() => 500),
    );
    const failure = await failureOf(world.infer('0-7', { options: { retries: 0 } }));
    expect(failure).toMatchObject({ type: 'AllRefused', message: '500: no' });
    expect(await world.records()).toEqual([]);
  });

  it('are recorded if there are fewer', async () => {
    const { world } = await scripted(PROMPTS_8, byPrompt(refuse));
    expect(await world.infer('0-3')).toMatchObject({ open: '', counts: { failed: 4 } });
    expect(await world.failures()).toHaveLength(4);
  });

  it('are recorded once one is answered, the first ones too', async () => {
    const { world } = await scripted(
      PROMPTS_8,
      byPrompt((prompt) => (prompt === 'p4' ? 'ok' : refuse(prompt))),
    );
    expect(await world.infer('0-7')).toMatchObject({ open: '', counts: { ok: 1, failed: 7 } });
    expect((await world.failures()).map(({ item }) => item)).toEqual([0, 1, 2, 3, 5, 6, 7]);
  });

  it('are recorded if they are of two kinds', async () => {
    const script = byPrompt((prompt) =>
      prompt === 'p2' ? { status: 413, body: errorBody('too large') } : refuse(prompt),
    );
    const { world } = await scripted(PROMPTS_8, script);
    expect(await world.infer('0-7')).toMatchObject({ open: '', counts: { failed: 8 } });
  });

  it('are counted over all packs of the run on the worker, and all of these hand theirs back', async () => {
    const held = await Held.open(8);
    const first = failureOf(held.world.infer('0-2', { permits: 3 }, { activityId: 'pack-1' }));
    await held.underWay('p0', 'p1', 'p2');
    const second = failureOf(held.world.infer('3-7', { permits: 1 }, { activityId: 'pack-2' }));
    await held.underWay('p0', 'p1', 'p2', 'p3');
    const words = refuse('x');
    held.reply('p0', words);
    held.reply('p1', words);
    held.reply('p3', words);
    // A permit that came free goes to the pack that has items left.
    await held.underWay('p2', 'p4', 'p5', 'p6');
    held.reply('p4', words);
    await held.underWay('p2', 'p5', 'p6', 'p7');
    held.reply('p5', words);
    for (const prompt of ['p2', 'p6', 'p7']) held.reply(prompt, 500);
    const [a, b] = [await first, await second];
    expect([a.type, b.type]).toEqual(['AllRefused', 'AllRefused']);
    expect([resultIn(a).open, resultIn(b).open]).toEqual(['0-1', '3-5']);
    expect([resultIn(a).failed, resultIn(b).failed]).toEqual(['2', '6-7']);
    expect(await held.world.failures()).toEqual([]);
  });
});

describe('answers', () => {
  const SCHEMA = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
  const said = (content: string, finish = 'stop') =>
    completion(content, { choices: [{ message: { content }, finish_reason: finish }] });

  it('that do not satisfy the schema are failed attempts that name the place', async () => {
    const script = byPrompt((prompt) => ({ status: 200, body: said(prompt === 'one' ? '{"n":"x"}' : '{"n":1}') }));
    const { world } = await scripted(PROMPTS, script, { options: { schema: SCHEMA, repair: false } });
    const result = await world.infer('0-3');
    expect(result).toMatchObject({ failed: '1', counts: { ok: 3, wastedTokens: 7 } });
    const error = 'invalid output: the answer does not satisfy the schema at /n: must be integer';
    expect(await world.tries()).toMatchObject([{ item: 1, try: { error, tokens: 7 } }]);
    const [record] = await world.answers();
    expect(Object.keys(record?.result ?? {})).toEqual(['id', 'model', 'output', 'parsed', 'tokens']);
    expect(record?.result.parsed).toEqual({ n: 1 });
  });

  it('keep every digit of their numbers in the output line', async () => {
    const digits = '{"n": 12345678901234567890, "x": 0.1000000000000000000001}';
    const { world } = await scripted(['zero'], (response) => response.writeHead(200).end(said(digits)), {
      options: { schema: SCHEMA },
    });
    await world.infer('0', { options: { detail: true } });
    const [key = ''] = await world.segmentKeys();
    const text = await world.text(key);
    expect(text).toContain('"parsed":{"n":12345678901234567890,"x":0.1000000000000000000001},"tokens":7,');
    expect(await world.answers()).toHaveLength(1);
  });

  it('cut in the middle of their JSON name --max-tokens and are not asked again', async () => {
    const { world, asked } = await scripted(
      ['zero', 'one'],
      (response, { body }) =>
        response.writeHead(200).end(promptOf(body) === 'one' ? said('{"n": 1', 'length') : said('{"n": 1}')),
      { options: { schema: SCHEMA } },
    );
    const result = await world.infer('0-1');
    expect(result).toMatchObject({ failed: '', counts: { ok: 1, failed: 1, wastedTokens: 7, requests: 2 } });
    const [record] = await world.failures();
    expect(record?.failure).toMatchObject({ attempts: 1, error: expect.stringContaining('raise --max-tokens') });
    expect(record?.failure.error).toContain('100 tokens');
    expect(asked()).toEqual(['zero', 'one']);
  });

  it('with nothing in them count as empty the first time, and are accepted the second', async () => {
    const { world } = await scripted(['zero'], (response) => response.writeHead(200).end(completion('')));
    expect(await world.infer('0')).toMatchObject({ failed: '0', counts: { ok: 0, empty: 1, wastedTokens: 7 } });
    const second = await world.infer('0', { retrying: true }, { activityId: 'pack-2' });
    expect(second).toMatchObject({ failed: '', counts: { ok: 1, empty: 0, tokens: 7, requests: 1, retries: 1 } });
    expect(await world.answers()).toMatchObject([{ result: { output: '' } }]);
  });
});
