import { createHash } from 'node:crypto';

/** SHA-256 of text or bytes, the first `length` hex digits (16 by default). */
export function shortHash(content: string | Uint8Array, length = 16): string {
  return createHash('sha256').update(content).digest('hex').slice(0, length);
}

/**
 * Two independent numbers in [0, 1) that depend on nothing but the words given: the simulator's only source of chance,
 * so that a run with the same seed can be repeated.
 */
export function chance(...words: readonly (string | number)[]): readonly [number, number] {
  const digest = createHash('sha256').update(words.join('\0')).digest();
  const range = 2 ** 48;
  return [digest.readUIntBE(0, 6) / range, digest.readUIntBE(6, 6) / range];
}

/** The first characters of a text, as a copy: a plain slice would keep the whole text in memory with the record. */
export function head(text: string, chars: number): string {
  return Buffer.from(text.slice(0, chars)).toString();
}
