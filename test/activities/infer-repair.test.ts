import { describe, expect, it } from 'vitest';
import { INVALID_CHARS } from '../../src/store/outcomes.js';
import { completion } from '../dria/scripted-server.js';
import { type Answer, byPrompt, controlled, errorBody, scripted } from './endpoints.js';

const TARGET = 'qwen3.5:9b';
const SCHEMA = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
const GOOD = '{"n": 1}';
const BAD = '{"n": "one"}';
const COMPLAINT = 'the answer does not satisfy the schema at /n: must be integer';
const ERROR = `invalid output: ${COMPLAINT}`;

const says = (content: string, more: object = {}): Answer => ({ status: 200, body: completion(content, more) });

/** Items whose n-th answers are these; the last one again and again. */
async function answering(
  contents: Readonly<Record<string, readonly (string | Answer | (() => string))[]>>,
  options: object = {},
) {
  const script = byPrompt((prompt, time) => {
    const answers = contents[prompt] ?? [];
    const answer = answers[Math.min(time, answers.length) - 1] ?? GOOD;
    if (typeof answer === 'function') return says(answer());
    return typeof answer === 'string' ? says(answer) : answer;
  });
  const scene = await scripted(Object.keys(contents), script, { options: { schema: SCHEMA, ...options } });
  const conversations = (): string[][] =>
    scene.server.received.map(({ body }) =>
      JSON.parse(body).messages.map(({ role, content }: { role: string; content: string }) => `${role}: ${content}`),
    );
  return { ...scene, conversations };
}

describe('an answer that does not satisfy the schema', () => {
  it('is sent back at once with what is wrong, in the same pack, and counts as an attempt', async () => {
    const { world, conversations } = await answering({ zero: [BAD, GOOD], one: [GOOD] });
    const result = await world.infer('0-1', { options: { detail: true } });
    expect(result).toMatchObject({ failed: '', open: '', counts: { ok: 2, requests: 3, retries: 1, wastedTokens: 7 } });
    const [repair, ...others] = conversations().sort((a, b) => b.length - a.length);
    expect(others).toEqual([['user: zero'], ['user: one']]);
    expect(repair?.slice(0, 2)).toEqual(['user: zero', `assistant: ${BAD}`]);
    expect(repair?.[2]).toContain(`user: Your answer cannot be used: ${COMPLAINT}. Answer again`);
    expect((await world.answers())[0]?.result).toMatchObject({ parsed: { n: 1 }, attempts: 2 });
    expect(await world.tries()).toMatchObject([
      { item: 0, try: { target: TARGET, error: ERROR, attempt: 1, tokens: 7, invalid: { text: BAD, length: 12 } } },
    ]);
  });

  it('is repaired once; then the item begins anew, after a wait, until no attempt is left', async () => {
    const { world, conversations } = await answering({ zero: [BAD, '[]', 'no JSON', BAD] });
    expect(await world.infer('0')).toMatchObject({ failed: '0', counts: { ok: 0, failed: 0, requests: 2 } });
    const again = { retrying: true, options: { detail: true } };
    const result = await world.infer('0', again, { activityId: 'pack-2' });
    expect(result).toMatchObject({ failed: '', counts: { failed: 1, requests: 2, retries: 2 } });
    expect(conversations().map(([, answer]) => answer)).toEqual([
      undefined,
      `assistant: ${BAD}`,
      undefined,
      'assistant: no JSON',
    ]);
    expect(await world.failures()).toMatchObject([
      { failure: { error: ERROR, attempts: 4, tried: [TARGET], invalid: { text: BAD, length: 12 } } },
    ]);
  });

  it("is repaired once if another target can be asked, and is then that one's", async () => {
    const { world, conversations } = await answering({ zero: [BAD], one: [GOOD] });
    const result = await world.infer('0-1', { hasOther: true });
    expect(result).toMatchObject({ failed: '', refused: '', open: '', misfits: '0' });
    expect(result.counts).toMatchObject({ ok: 1, failed: 0, requests: 3 });
    expect(result.counts.models[TARGET]).toMatchObject({ fallbacks: 1 });
    const other = await world.infer('0', { target: 'other', reread: true, hasOther: true }, { activityId: 'pack-2' });
    expect(other).not.toHaveProperty('misfits');
    expect(other).toMatchObject({ counts: { failed: 1, requests: 2 } });
    // Another model's answer is no part of its conversation.
    expect(
      conversations()
        .slice(3)
        .map(({ length }) => length),
    ).toEqual([1, 3]);
    expect(await world.failures()).toMatchObject([{ failure: { attempts: 4, tried: [TARGET, 'other'] } }]);
  });

  it('is kept for a pack on another worker, which goes on with the conversation and the count of attempts', async () => {
    const control = controlled();
    const { world, server, conversations } = await answering({
      zero: [
        () => {
          control.cancel();
          return BAD;
        },
        GOOD,
      ],
      one: [GOOD],
    });
    const pack = world.infer('0-1', { permits: 1 }, control.options);
    expect(await pack).toMatchObject({ failed: '0', open: '1', counts: { requests: 1 } });
    const beside = await world.beside({ baseUrl: server.baseUrl });
    const result = await beside.infer('0', { retrying: true }, { activityId: 'pack-2' });
    expect(result).toMatchObject({ failed: '', counts: { ok: 1, requests: 1, retries: 1 } });
    expect(conversations()[1]?.slice(0, 2)).toEqual(['user: zero', `assistant: ${BAD}`]);
  });

  it('without retries fails the item, and without detail its text is not kept', async () => {
    const { world } = await answering({ zero: [BAD] });
    const result = await world.infer('0', { options: { retries: 0 } });
    expect(result).toMatchObject({ counts: { failed: 1, requests: 1 } });
    const [record] = await world.failures();
    expect(record?.failure).toEqual({ target: TARGET, error: ERROR, attempts: 1, tried: [TARGET] });
  });

  it('is asked for anew, and not in this pack, without --repair', async () => {
    const { world, conversations } = await answering({ zero: [BAD, GOOD] }, { repair: false });
    expect(await world.infer('0', { hasOther: true })).toMatchObject({ failed: '0', counts: { requests: 1 } });
    expect(await world.tries()).toMatchObject([{ try: { error: ERROR, attempt: 1 } }]);
    expect((await world.tries())[0]?.try).not.toHaveProperty('invalid');
    expect(await world.infer('0', { retrying: true }, { activityId: 'pack-2' })).toMatchObject({ counts: { ok: 1 } });
    expect(conversations().map(({ length }) => length)).toEqual([1, 1]);
  });

  it('that is long goes back cut, and says so', async () => {
    const long = `${'x'.repeat(INVALID_CHARS - 1)}😀 and more`;
    const { world, conversations } = await answering({ zero: [long, GOOD] });
    expect(await world.infer('0')).toMatchObject({ counts: { ok: 1, requests: 2 } });
    const [, answer = '', complaint = ''] = conversations()[1] ?? [];
    expect(answer).toBe(`assistant: ${'x'.repeat(INVALID_CHARS - 1)}`);
    expect(complaint).toContain(`Only the first ${INVALID_CHARS - 1} of its ${long.length} characters are shown`);
  });

  it('does not put its target out while the target repairs it', async () => {
    const items = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`p${n}`, [BAD, GOOD]]));
    const { world } = await answering(items);
    const result = await world.infer('0-11', { permits: 12, hasOther: true });
    expect(result).toMatchObject({ failed: '', open: '', counts: { ok: 12, requests: 24 } });
  });

  it('puts a target out that cannot repair one item after the other', async () => {
    const items = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`p${n}`, [BAD]]));
    const { world } = await answering(items);
    const failure = await world.infer('0-8', { hasOther: true }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      type: 'TargetUnavailable',
      details: [{ misfits: '0-4' }],
    });
  });
});

describe('no conversation follows', () => {
  it.each<[string, Answer]>([
    ['an answer with nothing in it', says('')],
    [
      'an answer that a filter has cut',
      says(BAD, { choices: [{ message: { content: BAD }, finish_reason: 'content_filter' }] }),
    ],
    [
      'a refusal of the endpoint itself',
      { status: 400, body: errorBody('Failed to generate JSON', { code: 'json_validate_failed' }) },
    ],
    ['a server error', { status: 500, body: errorBody('broken') }],
  ])('%s', async (_what, answer) => {
    const { world, conversations } = await answering({ zero: [answer, GOOD] });
    expect(await world.infer('0')).toMatchObject({ failed: '0', counts: { requests: 1 } });
    await world.infer('0', { retrying: true }, { activityId: 'pack-2' });
    expect(conversations().map(({ length }) => length)).toEqual([1, 1]);
  });

  it('an answer that is cut at the token limit: the item has failed', async () => {
    const cut = says('{"n": ', { choices: [{ message: { content: '{"n": ' }, finish_reason: 'length' }] });
    const { world } = await answering({ zero: [cut] });
    expect(await world.infer('0')).toMatchObject({ failed: '', counts: { failed: 1, requests: 1 } });
  });
});
