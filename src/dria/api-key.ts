import { DriaError } from './errors.js';

/** Returns an API key without space around it; undefined for none. Throws `Unauthorized` for one that no header can hold. */
export function parseKey(apiKey: string | undefined): string | undefined {
  const key = apiKey?.trim() ?? '';
  if (key === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new DriaError({
    code: 'Unauthorized',
    message: `the API key has ${oddCharacter(key)} in it, which no HTTP header can hold in a key`,
  });
}

/** Names the first character of a key that cannot be sent, and nothing else of the key. */
function oddCharacter(key: string): string {
  const odd = /[^\x21-\x7e]/u.exec(key)?.[0] ?? '';
  if (/[\r\n]/.test(odd)) return 'a line end';
  if (/\s/.test(odd)) return 'a space';
  return odd < ' ' || odd === '\x7f' ? 'a control character' : 'a character that is not ASCII';
}
