import { oneLineJson } from '../batch/json-line.js';
import { parseJson } from './json.js';

/** Texts longer than this (characters), and places in one, that are searched for JSON. */
const LONGEST = 1_000_000;
const MOST_PLACES = 200;

/** What a reasoning model thinks aloud before its answer. The opening tag may be missing: some templates write it themselves. */
const THOUGHTS = /^\s*(?:<(think|thinking|reasoning)>)?[\s\S]*?<\/(?:think|thinking|reasoning)>/i;

/** A whole answer in a fence, as models that were not held to a grammar like to write it. */
const FENCED = /^\s*```[a-z]*[ \t]*\r?\n([\s\S]*?)\r?\n?```\s*$/i;

/** Returns an answer's text without thoughts, byte-order mark and the fence around the whole. */
export function bareText(text: string): string {
  const isJson = /^\s*[{["]/.test(text);
  const answer = isJson ? text : text.replace(/^\ufeff/, '').replace(THOUGHTS, '');
  return (FENCED.exec(answer)?.[1] ?? answer).trim();
}

/** Returns the JSON objects and arrays that stand in a text, each as it is written, outermost only. */
export function jsonWithin(text: string): string[] {
  const found: string[] = [];
  if (text.length > LONGEST) return found;
  let places = 0;
  for (let start = nextOpening(text, 0); start >= 0 && places < MOST_PLACES; places++) {
    const end = closingOf(text, start);
    const value = end < 0 ? undefined : text.slice(start, end + 1);
    const isJson = value !== undefined && parseJson(value) !== undefined;
    if (isJson) found.push(value);
    start = nextOpening(text, isJson ? end + 1 : start + 1);
  }
  return found;
}

function nextOpening(text: string, from: number): number {
  const opening = text.slice(from).search(/[{[]/);
  return opening < 0 ? -1 : from + opening;
}

/** The place of the bracket that closes the one at `start`; -1 if there is none. */
function closingOf(text: string, start: number): number {
  let depth = 0;
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]]/gs;
  token.lastIndex = start;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match;
    if (found === '{' || found === '[') depth++;
    else if (found === '}' || found === ']') depth--;
    if (depth === 0) return match.index;
  }
  return -1;
}

/** Numbers that a JavaScript number may not hold exactly: many digits, or a large exponent. */
const MAYBE_INEXACT = /\d[\d.]{15,}|\d[eE]\+?\d{2,}/;

/**
 * Returns a JSON text on one line that every reader accepts, with every number digit for digit as it is written: a
 * JavaScript number holds no integer above 2^53 exactly. `value` is the same text parsed.
 */
export function exactJson(text: string, value: unknown): string {
  if (!MAYBE_INEXACT.test(text)) return oneLineJson(value);
  // Not one step of the expression for each character: megabytes of them would overflow its stack.
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|\s+/gs, (token) =>
    token.startsWith('"') ? oneLineJson(JSON.parse(token)) : '',
  );
}
