import { isObject } from '../dria/json.js';
import { UserError } from './errors.js';
import { pairs } from './pairs.js';
import type { RunOptionFlags } from './run-flags.js';
import { textOrFile } from './text-or-file.js';

/** Returns what the requests have otherwise than usual, still to be checked. Throws a `UserError` that names the flag. */
export async function requestFormFromFlags(
  { body, omit, rename }: Pick<RunOptionFlags, 'body' | 'omit' | 'rename'>,
  interrupt: AbortSignal,
): Promise<{ readonly [option: string]: unknown }> {
  return {
    ...(body === undefined ? {} : { body: parseBody(await textOrFile('--body', body, interrupt)) }),
    ...(omit.length === 0 ? {} : { omit: omit.flatMap((fields) => fields.split(',')).map((field) => field.trim()) }),
    ...(rename.length === 0 ? {} : { rename: pairs(rename, '--rename') }),
  };
}

function parseBody(text: string): object {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`--body: not JSON: ${reason}`, { exitCode: 2, cause: error });
  }
  if (isObject(body)) return body;
  throw new UserError(`--body: not a JSON object: give one like '{"seed": 7}'`, { exitCode: 2 });
}
