import { describe, expect, it } from 'vitest';
import { type AskedFor, parseChatAnswer } from '../../src/dria/chat-answer.js';
import { describeError, isDriaError } from '../../src/dria/errors.js';

/** A 200 whose answer has this content; 9 tokens were used. */
function answer(content: unknown, finishReason = 'stop') {
  const body = { choices: [{ message: { content }, finish_reason: finishReason }], usage: { total_tokens: 9 } };
  return { status: 200, headers: {}, text: JSON.stringify(body) };
}

const ASKED: AskedFor = { prompt: '', maxTokens: 5, acceptEmpty: false, context: () => ({}) };

function errorOf(content: unknown, finishReason?: string): unknown {
  try {
    return parseChatAnswer(answer(content, finishReason), 1, ASKED);
  } catch (error) {
    return error;
  }
}

describe('an error in the place of an answer, inside a 200', () => {
  it.each([
    ['{"error":{"message":"node crashed","code":500}}', 'stop', 'bad response: the answer is an error: node crashed'],
    [' { "error" : {"message":"x","type":"server_error"}}', 'stop', 'bad response: the answer is an error: x'],
    ['half an ans', 'error', 'bad response: the model ended with an error: half an ans'],
  ])('%s (%s) is an error, with what it has cost', (content, finishReason, words) => {
    const error = errorOf(content, finishReason);
    expect([isDriaError(error), describeError(error)]).toEqual([true, words]);
    expect(error).toMatchObject({ code: 'BadResponse', tokens: 9 });
  });

  it('never concerns more than its item, whatever status it names: a prompt could ask for it', () => {
    expect(errorOf('{"error":{"message":"no","code":401}}')).toMatchObject({ code: 'BadResponse' });
    expect(errorOf('{"error":{"message":"no","code":402}}')).toMatchObject({ code: 'BadResponse' });
  });

  it.each([
    'The error was {"error":{"message":"x","code":1}}',
    '{"error":{"message":"x","code":1},"fix":"y"}',
    '{"error":{"message":"x"}}',
    '{"error":"x"}',
    '{"error":{"code":1,"message":2}}',
    '{"error":{',
  ])('is not what a model wrote about errors: %s', (content) => {
    expect(errorOf(content)).toMatchObject({ text: content, totalTokens: 9 });
  });

  it('says of an answer with nothing in it what it has cost', () => {
    expect(errorOf('')).toMatchObject({ code: 'BadResponse', tokens: 9, isEmpty: true });
    expect(errorOf(' \n', 'tool_calls')).toMatchObject({ tokens: 9, isEmpty: true });
  });
});
