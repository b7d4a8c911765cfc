import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine } from '../../src/dria/errors.js';
import { scrub } from '../../src/dria/secrets.js';

const MARKS = ['\n', '\r\n', '\t', '\u200b', '\u00ad', '\ufe0f', '\u2060', '\u202e', '\0', '\ud800', '\\n', '%0A'];
const hex = (text: string, gap = '') =>
  [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, '0')).join(gap);
const percent = (text: string) => [...text].map((letter) => `%${hex(letter)}`).join('');
const unicode = (text: string) => [...text].map((letter) => `\\u00${hex(letter)}`).join('');
const base64 = (text: string) => Buffer.from(text).toString('base64');

const FORMS: readonly (readonly [string, (key: string, mark: string) => string])[] = [
  ['as it is', (key) => key],
  ['in upper case', (key) => key.toUpperCase()],
  ['in lower case', (key) => key.toLowerCase()],
  ['as a JSON text', (key) => JSON.stringify(key)],
  ['as a URL component', (key) => encodeURIComponent(key)],
  ['percent-encoded by letter', percent],
  ['percent-encoded in upper case', (key) => percent(key).toUpperCase()],
  ['percent-encoded twice', (key) => percent(key).replaceAll('%', '%25')],
  ['escaped by letter', unicode],
  ['in hex', (key) => hex(key)],
  ['in upper-case hex', (key) => hex(key).toUpperCase()],
  ['in hex with colons', (key) => hex(key, ':')],
  ['as bytes of a C string', (key) => `\\x${hex(key, '\\x')}`],
  ['in base64', base64],
  ['in base64url', (key) => Buffer.from(key).toString('base64url')],
  ['in the base64 of a header', (key) => base64(`Bearer ${key}`)],
  ['in the base64 of a pair', (key) => base64(`me:${key}!`)],
  ['split by marks', (key, mark) => [...key].join(mark)],
  ['in base64 on lines', (key) => base64(key).replace(/.{5}/g, '$&\n')],
];

const key = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 8,
  maxLength: 60,
});

describe('a key of 8 characters or more', () => {
  it.each(FORMS)('is not in a message %s', (_, written) => {
    fc.assert(
      fc.property(key, fc.constantFrom(...MARKS), (secret, mark) => {
        const message = oneLine(`<< ${written(secret, mark)} >>`, [secret]);
        // At the edges of a base64 group a letter may stay that is of the key's neighbours too.
        expect(message).toMatch(/^<< .{0,12}\*\*\*.{0,6} >>$/);
        expect(message.replace(/[^\x21-\x7e]/g, '').toLowerCase()).not.toContain(secret.toLowerCase());
      }),
    );
  });

  it('does not take anything with it', () => {
    expect(scrub('the model sk-abc is not there', ['sk-abcdef12'])).toBe('the model sk-abc is not there');
  });
});

describe('a shorter one', () => {
  it.each([
    'Bearer abc',
    'authorization: abc',
    '"api_key":"abc"',
    'x-api-key: abc',
    '?key=abc',
    'token=abc',
    'Bearer a\u200bbc',
  ])('is not in %j, since it stands there as a credential', (text) => {
    expect(scrub(`${text} `, ['abc'])).toMatch(/\*\*\*"? $/);
  });

  it.each(['abc', 'the abc of it', 'keyabcd', 'token: abcd'])('stays in %j', (text) => {
    expect(scrub(text, ['abc'])).toBe(text);
  });
});
