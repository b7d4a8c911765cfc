/** A name in double quotes, as JSON writes a text. */
const QUOTED = /^"(?:[^"\\]|\\.)*"/;

/** Characters of a text that a message shows. */
const SHOWN = 60;

/** Returns a text in quotes for a message, cut short if it is long. */
export function inQuotes(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

/** Returns the name in double quotes with which a text begins, and its length with the quotes; undefined without one. */
export function quotedName(text: string): { readonly name: string; readonly length: number } | undefined {
  const [quoted] = QUOTED.exec(text) ?? [];
  if (quoted === undefined) return undefined;
  try {
    const name: unknown = JSON.parse(quoted);
    return typeof name === 'string' ? { name, length: quoted.length } : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the names in a list that commas part. A name with a comma in it is in double quotes. Throws a `RangeError`. */
export function columnNames(text: string): string[] {
  const names: string[] = [];
  let rest = text.trimStart();
  for (;;) {
    const quoted = quotedName(rest);
    const end = quoted?.length ?? (rest.includes(',') ? rest.indexOf(',') : rest.length);
    const name = quoted?.name ?? rest.slice(0, end).trim();
    if (name === '') throw new RangeError('a name of a column is missing');
    names.push(name);
    rest = rest.slice(end).trimStart();
    if (rest === '') return names;
    if (!rest.startsWith(',')) throw new RangeError(`a comma is missing before ${rest.slice(0, 40)}`);
    rest = rest.slice(1).trimStart();
  }
}
