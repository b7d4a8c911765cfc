/** Values that no message may hold: the API key and the values of a user's own headers. */
export type Secrets = readonly string[];

/** Shorter values are dummies that local servers want for a key: as text they stand in half of all words. */
const SHORTEST_SECRET = 8;

/** Longer dummies in use with local servers. */
const DUMMIES: ReadonlySet<string> = new Set(['not-needed', 'no-key-required', 'sk-no-key-required', 'lm-studio']);

/**
 * Replaces the secrets in a text, however they are written: as they are or in other letter case, percent-encoded or
 * escaped by letter, in hex, in base64 or base64url (also as a part of what was encoded), and with line ends or invisible
 * marks in between. A dummy key is replaced only if it stands as a credential.
 */
export function scrub(text: string, secrets: Secrets = []): string {
  return secrets.reduce((rest, secret) => rest.replace(patternOf(secret), '$<before>***'), text);
}

/** One for each secret of the process: a handful. */
const patterns = new Map<string, RegExp>();

function patternOf(secret: string): RegExp {
  const known = patterns.get(secret);
  if (known !== undefined) return known;
  const pattern = new RegExp(isDummy(secret) ? credential(secret) : anywhere(secret), 'giu');
  patterns.set(secret, pattern);
  return pattern;
}

function isDummy(secret: string): boolean {
  return secret.length < SHORTEST_SECRET || DUMMIES.has(secret.toLowerCase());
}

/** What may stand between two letters without being seen: control and format characters, white space, and their escapes. */
const GAP = String.raw`(?:[\p{Cc}\p{Cf}\p{Cs}\p{Mn}\p{DI}\s]|\\[nrt]|%0[ad]|\\u(?:200[b-f]|2060|feff|00ad))*`;

/** What may stand between the bytes of a text in hex. */
const HEX_GAP = String.raw`(?:[\p{Cc}\p{Cf}\p{Cs}\p{Mn}\p{DI}\s:,-]|0x|\\x)*`;

function anywhere(secret: string): string {
  const bytes = [...Buffer.from(secret)];
  const forms = [
    [...secret].map(letter).join(GAP),
    bytes.map(hexByte).join(HEX_GAP),
    ...[0, 1, 2].map((offset) => [...base64At(bytes, offset)].map(base64Letter).join(GAP)),
  ];
  return `(?<before>)(?:${forms.join('|')})`;
}

/** A value after the words that announce a credential, as in `Bearer x`, `api-key: x`, `"api_key":"x"`, `?key=x`. */
function credential(secret: string): string {
  if (secret === '') return '(?<before>)(?!)';
  const words = String.raw`(?<before>(?:bearer|basic|(?:api[-_ ]?)?key|authorization|token)["']?\s*[:=]?\s*["']?)`;
  return `${words}${[...secret].map(letter).join(GAP)}(?![\\w-])`;
}

/** A character as it is, percent-encoded once or twice, or escaped as in JSON, JavaScript or HTML. */
function letter(character: string): string {
  const percent = [...Buffer.from(character)].map((byte) => `%(?:25)?${hexByte(byte)}`).join('');
  const code = character.codePointAt(0) ?? 0;
  const escaped = String.raw`\\u${code.toString(16).padStart(4, '0')}|\\x${hexByte(code)}|&#(?:${code}|x${code.toString(16)});`;
  return `(?:\\\\?${literal(character)}|${percent}|${escaped})`;
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** The letters of a text's base64 that depend on nothing but the text, if it stands `offset` bytes after a group's begin. */
function base64At(bytes: readonly number[], offset: number): string {
  const encoded = Buffer.from([...Array(offset).fill(0), ...bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + bytes.length) * 8) / 6);
  return encoded.slice(first, last);
}

function base64Letter(character: string): string {
  if (character === '+') return '[+-]';
  return character === '/' ? '[/_]' : character;
}

function literal(character: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}
