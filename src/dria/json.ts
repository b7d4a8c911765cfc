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
