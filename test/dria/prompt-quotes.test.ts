import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QUOTE_LENGTH, SHORTEST_PROMPT, withoutQuotes } from '../../src/dria/prompt-quotes.js';
import { shownAndWhole } from '../../src/dria/response-error.js';

const PROMPT = 'Is Jane Doe (born 1980-02-03) still our customer?\nAnswer yes or no.';

describe('what a message quotes of a prompt is cut out', () => {
  it.each([
    ['as it is', `bad input: "${PROMPT}"`, 'bad input: "…."'],
    ['a part of it', 'near "Jane Doe (born 1980-02-03)", and', 'near "…)", and'],
    ['in capitals', `REFUSED: ${PROMPT.toUpperCase()}`, 'REFUSED: ….'],
    ['on one line, escaped', `text: ${JSON.stringify(PROMPT)}`, 'text: "…."'],
    ['with other marks', 'found "jane_doe/born/1980 02 03/still"', 'found "…"'],
    ['twice', 'Jane Doe (born 1980-02-03) and then still our customer? Answer', '…) and then …'],
  ])('%s', (_, message, expected) => {
    expect(withoutQuotes(message, PROMPT)).toBe(expected);
  });

  it('if the prompt is short, as a whole', () => {
    expect(withoutQuotes('cannot answer "who are you?"', 'Who are you?')).toBe('cannot answer "…?"');
  });

  it('if its letters are escaped in numbers, as Python does', () => {
    const prompt = '请把这句话翻译成英文并且告诉我它的意思好吗谢谢';
    const escaped = [...prompt].map((letter) => `\\u${letter.charCodeAt(0).toString(16)}`).join('');
    expect(withoutQuotes(`invalid: '${escaped}'`, prompt)).toBe("invalid: '…'");
  });
});

describe('a message stays as it is', () => {
  it.each([
    ['that shares a few words with the prompt', 'the model m does not exist', 'Say whether God does not exist.'],
    ['of a prompt of few letters', 'hi is not allowed here', 'hi'],
    ['of a prompt without letters', 'unexpected "?!?!?!?!?!?!?!?!?!"', '?!?!?!?!?!?!?!?!?!'],
    ['that is empty', '', PROMPT],
  ])('%s', (_, message, prompt) => {
    expect(withoutQuotes(message, prompt)).toBe(message);
  });
});

const words = fc.string({ unit: fc.constantFrom('a', 'B', 'c', ' ', '1', 'é', '.'), maxLength: 60 });

function letters(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/** Whether two texts share so many letters in a row. */
function share(one: string, other: string, length: number): boolean {
  const [a, b] = [letters(one), letters(other)];
  return Array.from({ length: Math.max(0, a.length - length + 1) }, (_, at) => a.slice(at, at + length)).some((run) =>
    b.includes(run),
  );
}

it('whatever prompt and message are: no quote is left, and nothing is cut where there is none', () => {
  const both = fc
    .tuple(words, words, words, fc.nat(60), fc.nat(60))
    .map(([prompt, before, after, from, to]) => ({ prompt, message: `${before}${prompt.slice(from, to)}${after}` }));
  fc.assert(
    fc.property(both, ({ prompt, message }) => {
      const length = Math.min(QUOTE_LENGTH, letters(prompt).length);
      const shown = withoutQuotes(message, prompt);
      const isQuoted = length >= SHORTEST_PROMPT && share(message, prompt, length);
      if (!isQuoted) expect(shown).toBe(message);
      else for (const piece of shown.split('…')) expect(share(piece, prompt, length)).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

it.each([
  ['of one letter', 'a'.repeat(2_000_000), 'a'.repeat(300)],
  ['of few letters', 'ab'.repeat(1_000_000), `${'ab'.repeat(70)}c${'ba'.repeat(70)}`],
])('a prompt of 2 MB %s is searched in time in proportion to its length', (_, prompt, message) => {
  expect(letters(withoutQuotes(message, prompt)).length).toBeLessThan(20);
});

it('what a message quotes of a system message is cut out too', () => {
  const context = { prompt: PROMPT, system: 'You work for Acme Corporation.' };
  expect(shownAndWhole('cannot say "you work for acme corporation" of jane doe (born 1980-02-03)', context)).toEqual({
    message: 'cannot say "you work for acme corporation" of jane doe (born 1980-02-03)',
    shown: 'cannot say "…" of …)',
  });
});
