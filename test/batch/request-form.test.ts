import { describe, expect, it } from 'vitest';
import { batchOptionsSchema } from '../../src/batch/options.js';

function problemsOf(options: object): string[] {
  return batchOptionsSchema.safeParse(options).error?.issues.map(({ path, message }) => `${path}: ${message}`) ?? [];
}

describe('further fields of a request', () => {
  it.each([
    [{ seed: 7, top_p: 0.9, stop: ['###'], nested: { any: [1, null] } }],
    [{ stream: false }],
    [{ temperature: 0, max_tokens: 3, response_format: { type: 'json_object' } }],
    [{ tools: [], n: 2, logprobs: true, reasoning_effort: 'low', service_tier: 'flex' }],
  ])('are passed on unjudged: %j', (body) => {
    expect(batchOptionsSchema.parse({ body }).body).toEqual(body);
  });

  it.each([
    [{ stream: true }, /^body: stream: answers are taken whole/],
    [{ stream: 'yes' }, /^body: stream: /],
    [{ model: 'gpt' }, /^body: model is chosen by the model option/],
    [{ messages: [] }, /^body: messages are made of each item/],
    [{ prompt: 'x' }, /^body: prompt is made of each item/],
  ])('that would take the place of what each item says are refused: %j', (body, problem) => {
    expect(problemsOf({ body })).toEqual([expect.stringMatching(problem)]);
  });
});

it.each([
  [{ omit: ['seed'] }, /^omit,0: /],
  [{ rename: { messages: 'input' } }, /^rename/],
  [{ rename: { temperature: '' } }, /^rename,temperature: is no name of a field/],
  [{ rename: { temperature: 'a b' } }, /^rename,temperature: is no name of a field/],
])('only fields that options fill can be left out or renamed, and to a name: %j', (options, problem) => {
  expect(problemsOf(options)[0]).toMatch(problem);
});
