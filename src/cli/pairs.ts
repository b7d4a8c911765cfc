import { UserError } from './errors.js';

/** Values of a flag as `KEY=VALUE`. Throws a `UserError` for another form, without the text: it may be a secret. */
export function pairs(texts: readonly string[], flag: string): Record<string, string> {
  const entries = texts.map((text) => {
    const at = text.indexOf('=');
    if (at <= 0) throw new UserError(`${flag}: give KEY=VALUE`, { exitCode: 2 });
    return [text.slice(0, at).trim(), text.slice(at + 1)] as const;
  });
  return Object.fromEntries(entries);
}
