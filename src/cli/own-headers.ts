import { parseKey } from '../dria/api-key.js';
import { isDriaError } from '../dria/errors.js';
import { type OwnHeaders, parseOwnHeaders } from '../dria/own-headers.js';
import { UserError } from './errors.js';

/** Throws a `UserError` for a `DRIA_API_KEY` that no header can hold; it never repeats the key. */
export function checkKey({ DRIA_API_KEY }: NodeJS.ProcessEnv): void {
  try {
    parseKey(DRIA_API_KEY);
  } catch (error) {
    if (!isDriaError(error)) throw error;
    throw new UserError(`DRIA_API_KEY: ${error.message}`, {
      exitCode: 2,
      hint: 'Copy the key again: one word, without quotes and line ends.',
      cause: error,
    });
  }
}

/** Returns the headers in `DRIA_HEADERS`. Throws a `UserError` for a value that is none; it never repeats the value. */
export function ownHeaders({ DRIA_HEADERS }: NodeJS.ProcessEnv): OwnHeaders | undefined {
  if (!DRIA_HEADERS) return undefined;
  try {
    return parseOwnHeaders(DRIA_HEADERS);
  } catch (error) {
    if (!isDriaError(error)) throw error;
    throw new UserError(error.message, {
      exitCode: 2,
      hint: 'Give lines of `Name: value`, or a JSON object.',
      cause: error,
    });
  }
}
