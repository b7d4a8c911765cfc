import { DriaError } from './errors.js';
import { isObject, parseJson } from './json.js';

/** Headers that belong to the connection or to the body: those of one's own would break the request. */
const RESERVED: ReadonlySet<string> = new Set(
  'host connection content-length content-type transfer-encoding accept-encoding proxy-authorization upgrade te trailer expect'.split(
    ' ',
  ),
);

/** Headers that carry a key: with one of these, no Authorization header is made of the API key. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'api-key', 'x-api-key', 'x-goog-api-key']);

/** A user's own headers: names in lower case. The values are secrets. */
export type OwnHeaders = Readonly<Record<string, string>>;

/**
 * Parses the value of `DRIA_HEADERS`: lines of `Name: value`, or a JSON object. Throws `InvalidRequest` that names the
 * header, or the line by its number, and never the value.
 */
export function parseOwnHeaders(text: string): OwnHeaders {
  const json = text.trim().startsWith('{') ? parseJson(text) : undefined;
  if (text.trim().startsWith('{') && !isObject(json)) throw refused('it is no JSON object');
  const entries = isObject(json) ? Object.entries(json) : linesOf(text);
  return Object.fromEntries(entries.map(([name, value]) => checked(name, value)));
}

/** True if a header carries a key. */
export function hasCredentials(headers: OwnHeaders): boolean {
  return Object.keys(headers).some((name) => CREDENTIALS.has(name));
}

/** The values, and of `Bearer <token>` the token: what messages must not hold. */
export function secretsIn(headers: OwnHeaders): string[] {
  return Object.values(headers).flatMap((value) => {
    const token = /^\w+ (\S+)$/.exec(value)?.[1];
    return token === undefined ? [value] : [value, token];
  });
}

function linesOf(text: string): [string, unknown][] {
  const lines = text.split(/\r?\n/);
  return lines.flatMap((line, index): [string, unknown][] => {
    if (line.trim() === '') return [];
    const colon = line.indexOf(':');
    if (colon < 1) throw refused(`line ${index + 1} is not of the form "Name: value"`);
    return [[line.slice(0, colon), line.slice(colon + 1)]];
  });
}

function checked(name: string, value: unknown): [string, string] {
  const key = name.trim().toLowerCase();
  // A name that is none may be a value in the wrong place: it is not repeated.
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(key)) throw refused('a header has a name that is none');
  if (RESERVED.has(key)) throw refused(`the header ${key} cannot be set`);
  const text = typeof value === 'string' ? value.trim() : '';
  if (text === '') throw refused(`the header ${key} has no value`);
  if (!/^[\t\x20-\x7e]+$/.test(text)) throw refused(`the value of ${key} has a character that no header can hold`);
  return [key, text];
}

function refused(why: string): DriaError {
  return new DriaError({ code: 'InvalidRequest', message: `DRIA_HEADERS: ${why}` });
}
