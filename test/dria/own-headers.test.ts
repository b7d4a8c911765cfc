import { describe, expect, it } from 'vitest';
import { parseOwnHeaders, secretsIn } from '../../src/dria/own-headers.js';

describe('headers of one’s own', () => {
  it.each([
    ['api-key: abc:d\nX-Title:  my run \r\n\n', { 'api-key': 'abc:d', 'x-title': 'my run' }],
    ['{"HTTP-Referer":"https://a.example","X-Title":"t"}', { 'http-referer': 'https://a.example', 'x-title': 't' }],
    ['', {}],
  ])('are read from %j', (text, headers) => {
    expect(parseOwnHeaders(text)).toEqual(headers);
  });

  it.each([
    ['pa55word', 'line 1 is not of the form'],
    ['a: b\n: pa55word', 'line 2 is not of the form'],
    ['{"a": "pa55word"', 'no JSON object'],
    ['{"a": {"b": "pa55word"}}', 'the header a has no value'],
    ['pa55 word: x', 'a name that is none'],
    ['Host: pa55word', 'the header host cannot be set'],
    ['Content-Length: pa55word', 'cannot be set'],
    ['a: pa55wörd', 'the value of a has a character'],
    ['a:', 'the header a has no value'],
  ])('are refused without being repeated: %j', (text, why) => {
    expect(() => parseOwnHeaders(text)).toThrow(
      expect.objectContaining({ code: 'InvalidRequest', message: expect.stringContaining(why) }),
    );
    expect(() => parseOwnHeaders(text)).not.toThrow(/pa55/);
  });

  it('are secrets, and so is the token in one', () => {
    expect(secretsIn({ authorization: 'Bearer t0ken', 'x-a': 'b c d' })).toEqual(['Bearer t0ken', 't0ken', 'b c d']);
  });
});
