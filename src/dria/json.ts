/** A JSON object whose fields are still to be looked at. */
export type JsonObject = { readonly [key: string]: unknown };

/** True for an object that is no array and not null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses JSON; undefined when the text is none. (`undefined` is no JSON value, so nothing is lost.) */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Levels of arrays and objects that are taken from outside: more overflow the stack of those who write or read them. */
export const MAX_LEVELS = 500;

/** Parses the JSON of a body; undefined for a text that is none, or that is nested too deep. */
export function parseBody(text: string): unknown {
  const value = parseJson(text);
  return isTooDeep(text, value) ? undefined : value;
}

/** Returns true for a text whose value has more levels than {@link MAX_LEVELS}. */
export function isTooDeep(text: string, value: unknown): boolean {
  return mayBeDeep(text) && isDeeper(value, MAX_LEVELS);
}

/** Returns true for a value with more levels of arrays and objects than `levels`. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

/** Returns false for a text with too few brackets to be deep: to count them costs next to nothing. */
function mayBeDeep(text: string): boolean {
  let openings = 0;
  for (const bracket of '{[') {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++openings > MAX_LEVELS) return true;
    }
  }
  return false;
}
