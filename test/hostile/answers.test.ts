import { describe, expect, it } from 'vitest';
import { byPrompt, scripted } from '../activities/endpoints.js';
import { completion } from '../dria/scripted-server.js';

const PROMPTS = ['zero', 'one', 'two'];
const deep = (open: string, middle: string, close: string): string => open.repeat(6000) + middle + close.repeat(6000);
const ARRAYS = deep('[', '', ']');
const OBJECTS = deep('{"a":', '1', '}');

/** A pack whose item `one` is answered with a hostile text, and the others well. */
async function packWith(schema: object, content: string) {
  const script = byPrompt((prompt) => ({ status: 200, body: completion(prompt === 'one' ? content : '"ab"') }));
  const { world } = await scripted(PROMPTS, script, { options: { schema, repair: false } });
  return { world, result: await world.infer('0-2') };
}

describe('an answer that is made to hang or to break its check fails alone, as invalid output', () => {
  it.each<[string, object, string]>([
    ['for a pattern that backtracks', { pattern: '^(a+)+b?$' }, JSON.stringify(`${'a'.repeat(60)}!`)],
    ['nested in 6,000 arrays', {}, ARRAYS],
    ['nested in 6,000 objects', { anyOf: [{ type: 'string' }, { additionalProperties: { $ref: '#' } }] }, OBJECTS],
    ['nested in a sentence', { maxLength: 5 }, `Here it is: ${OBJECTS}.`],
  ])('%s', async (_, schema, content) => {
    const { world, result } = await packWith(schema, content);
    expect(result).toMatchObject({ failed: '1', counts: { ok: 2 } });
    expect(await world.tries()).toMatchObject([
      { item: 1, try: { error: expect.stringMatching(/^invalid output: /) } },
    ]);
    expect((await world.answers()).map(({ item }) => item)).toEqual([0, 2]);
  });
});

describe('a body that is deep where no answer is', () => {
  it.each([
    [
      'beside the answer',
      `{"choices":[{"message":{"content":"ok","extra":${ARRAYS}}}],"usage":{"total_tokens":1},"x":${OBJECTS}}`,
    ],
    ['in its place', `{"choices":[{"message":{"content":${ARRAYS}}}]}`],
    ['as an error', `{"error":{"message":${OBJECTS}}}`],
    ['as all of it', ARRAYS],
  ])('%s fails no other item', async (_, body) => {
    const script = byPrompt((prompt) => ({ status: 200, body: prompt === 'one' ? body : completion('ok') }));
    const { world } = await scripted(PROMPTS, script);
    expect(await world.infer('0-2')).toMatchObject({ counts: { ok: 2 } });
  });
});
