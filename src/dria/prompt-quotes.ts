/** Letters and digits in a row that a prompt and a message share, from which on they are a quote. */
export const QUOTE_LENGTH = 16;

/** Letters and digits of the shortest prompt that is found, as a whole: fewer stand in half of all sentences. */
export const SHORTEST_PROMPT = 8;

/** Places of one piece in a prompt that are looked at; a piece that repeats more often is taken for a quote by itself. */
const MOST_PLACES = 1_000;

/** What an escape of JSON or of a programming language stands for is a letter, or space between letters. */
const LETTERS = /\\u([0-9a-f]{4})|\\[nrt]|[\p{L}\p{N}]/giu;

/**
 * Returns a message with "…" for what it quotes of a prompt, however that is spaced, punctuated, escaped or written in
 * capitals. Takes time in proportion to the prompt's length.
 */
export function withoutQuotes(message: string, prompt: string): string {
  const said = lettersOf(message);
  const asked = prompt.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
  const shortest = Math.min(QUOTE_LENGTH, asked.length);
  if (shortest < SHORTEST_PROMPT) return message;
  const isQuoted = quotedLetters(said.text, asked, shortest);
  return cutOut(message, said.places, isQuoted);
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Returns the letters and digits of a message in lower case, and where each of them stands. */
function lettersOf(message: string): { readonly text: string; readonly places: readonly Place[] } {
  const places: Place[] = [];
  let text = '';
  for (const { 0: found, 1: code, index } of message.matchAll(LETTERS)) {
    const character = code === undefined ? found : String.fromCharCode(Number.parseInt(code, 16));
    if (!/^[\p{L}\p{N}]$/u.test(character)) continue;
    const letters = character.toLowerCase();
    text += letters;
    for (let n = 0; n < letters.length; n++) places.push({ start: index, end: index + found.length });
  }
  return { text, places };
}

/** Marks the letters of a message that stand in the prompt too, `shortest` or more in a row. */
function quotedLetters(said: string, asked: string, shortest: number): readonly boolean[] {
  const isQuoted = Array<boolean>(said.length).fill(false);
  // Whatever they share of this length holds one of the message's pieces of half of it, cut one behind the other.
  const size = Math.max(1, shortest >> 1);
  for (let at = 0; at + size <= said.length; at += size) {
    const piece = said.slice(at, at + size);
    let places = 0;
    for (let found = asked.indexOf(piece); found >= 0; found = asked.indexOf(piece, found + 1)) {
      const { start, end } = extended(said, asked, at, found, size);
      const isMany = ++places > MOST_PLACES;
      if (end - start >= shortest || isMany) isQuoted.fill(true, start, end);
      if (isMany || end - start === said.length) break;
    }
  }
  return isQuoted;
}

/** Returns the range of the message around a piece that stands in the prompt at `found`, as far as both go on alike. */
function extended(said: string, asked: string, at: number, found: number, size: number): Place {
  let before = 0;
  while (before < at && before < found && said[at - before - 1] === asked[found - before - 1]) before++;
  let after = size;
  while (at + after < said.length && found + after < asked.length && said[at + after] === asked[found + after]) after++;
  return { start: at - before, end: at + after };
}

function cutOut(message: string, places: readonly Place[], isQuoted: readonly boolean[]): string {
  let text = '';
  let end = 0;
  for (const [at, place] of places.entries()) {
    if (isQuoted[at] !== true) continue;
    const isFirst = isQuoted[at - 1] !== true;
    if (isFirst) text += `${message.slice(end, place.start)}…`;
    end = place.end;
  }
  return text + message.slice(end);
}
