import { describe, expect, it } from 'vitest';
import { extrasOf, thoughtsOf } from '../../src/dria/answer-extras.js';

const CALL = { id: 'call_1', type: 'function', function: { name: 'look_up', arguments: '{}' } };

function answer(message: object, ...others: object[]): { choices: object[] } {
  return { choices: [{ message }, ...others] };
}

describe('an answer that is more than a text', () => {
  it.each([
    ['calls of tools', answer({ content: null, tool_calls: [CALL] }), { tool_calls: [CALL] }],
    [
      'a call of a function, as it was before tools',
      answer({ content: null, function_call: CALL.function }),
      { tool_calls: [{ type: 'function', function: CALL.function }] },
    ],
    [
      'several choices',
      answer({ content: 'a' }, { message: { content: 'b' } }),
      { choices: [{ message: { content: 'a' } }, { message: { content: 'b' } }] },
    ],
    ['no calls', answer({ content: 'a', tool_calls: [] }), {}],
    ['a plain text', answer({ content: 'a', tool_calls: null }), {}],
    ['no choices', {}, {}],
    ['choices that are none', { choices: ['a'] }, {}],
  ])('has %s in its line', (_, body, extras) => {
    expect(extrasOf(body)).toEqual(extras);
  });

  it.each([
    [answer({ content: 'a', reasoning_content: 'so' }), { reasoning: 'so' }],
    [answer({ content: 'a', reasoning: 'so', refusal: 'not that' }), { refusal: 'not that', reasoning: 'so' }],
    [answer({ content: 'a', reasoning: '', refusal: null }), {}],
    [answer({ content: 'a', reasoning: { steps: [] } }), {}],
    [{ choices: null }, {}],
  ])('explains itself under any of the usual names: %j', (body, thoughts) => {
    expect(thoughtsOf(body)).toEqual(thoughts);
  });
});
