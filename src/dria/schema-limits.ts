import type { JsonSchema } from '../batch/options.js';
import { SchemaError } from '../batch/schema.js';
import { isDeeper, isObject } from './json.js';

/** Levels of arrays and objects in a schema, and its length as JSON (characters). */
const MAX_LEVELS = 200;
const MAX_LENGTH = 500_000;

/** Keywords whose check may take time out of proportion to the answer. */
const COSTLY = new Set([
  'pattern',
  'patternProperties',
  'format',
  'uniqueItems',
  '$ref',
  '$dynamicRef',
  '$recursiveRef',
]);

/** Keywords whose schemas are applied to the same value as the schema that they stand in. */
const IN_PLACE = ['$ref', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'dependentSchemas'];

/** Returns the JSON of a schema. Throws a {@link SchemaError} for one that is too deep or too large, or refers to itself without end. */
export function schemaJson(schema: JsonSchema): string {
  if (isDeeper(schema, MAX_LEVELS)) {
    throw new SchemaError(`the schema has more than ${MAX_LEVELS} levels of objects and arrays: give a flatter one`);
  }
  const json = JSON.stringify(schema);
  if (json.length > MAX_LENGTH) {
    const limit = MAX_LENGTH.toLocaleString('en');
    throw new SchemaError(
      `the schema has ${json.length.toLocaleString('en')} characters, and ${limit} are the limit: it goes with each request`,
    );
  }
  refuseLoops(schema);
  return json;
}

/** Returns true if checks against a schema must be held to a time: it has a keyword of the costly ones, or a property named so. */
export function isCostly(schema: JsonSchema): boolean {
  return some(schema, '', (_, part) => Object.keys(part).some((key) => COSTLY.has(key)));
}

/** Returns all patterns of a schema, each with its JSON pointer. */
export function patternsOf(schema: JsonSchema): Map<string, string> {
  const patterns = new Map<string, string>();
  some(schema, '', (at, { pattern, patternProperties }) => {
    if (typeof pattern === 'string') patterns.set(`${at}/pattern`, pattern);
    if (!isObject(patternProperties)) return false;
    for (const name of Object.keys(patternProperties)) patterns.set(`${at}/patternProperties/${escaped(name)}`, name);
    return false;
  });
  return patterns;
}

/** Returns the JSON pointer of the first `$ref` to something. */
export function placeOfRef(schema: JsonSchema, wanted: string): string | undefined {
  let place: string | undefined;
  some(schema, '', (at, { $ref }) => {
    if ($ref === wanted) place = `${at}/$ref`;
    return place !== undefined;
  });
  return place;
}

/** Returns true if `isIt` is true of an object in a value; `at` is its JSON pointer. */
function some(value: unknown, at: string, isIt: (at: string, part: JsonSchema) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isObject(value) && isIt(at, value)) return true;
  return Object.entries(value).some(([key, inner]) => some(inner, `${at}/${escaped(key)}`, isIt));
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/**
 * Refuses references that lead back to themselves without going into the value, as `{"$ref": "#"}`: no check would end.
 * Looks at those by JSON pointer; what other kinds do is found by a check that does not end.
 */
function refuseLoops(schema: JsonSchema): void {
  const endless = new Set<unknown>();
  const checked = new Set<unknown>();
  const visit = (part: unknown): void => {
    if (!isObject(part) || checked.has(part)) return;
    if (endless.has(part)) {
      const { $ref } = part;
      const named = typeof $ref === 'string' ? ` ("$ref": "${$ref}")` : '';
      throw new SchemaError(`the schema refers to itself without end${named}: refer to it from a property or an item`);
    }
    endless.add(part);
    for (const keyword of IN_PLACE) {
      const inner = part[keyword];
      if (keyword === '$ref') visit(typeof inner === 'string' ? targetOf(schema, inner) : undefined);
      else if (keyword === 'dependentSchemas')
        for (const one of Object.values(isObject(inner) ? inner : {})) visit(one);
      else if (Array.isArray(inner)) for (const one of inner) visit(one);
      else visit(inner);
    }
    endless.delete(part);
    checked.add(part);
  };
  some(schema, '', (_, part) => {
    visit(part);
    return false;
  });
}

/** Returns what a reference by JSON pointer leads to. */
function targetOf(schema: JsonSchema, ref: string): unknown {
  if (!/^#(\/|$)/.test(ref)) return undefined;
  let target: unknown = schema;
  for (const part of decoded(ref.slice(1)).split('/').slice(1)) {
    if (typeof target !== 'object' || target === null) return undefined;
    target = Object.entries(target).find(([key]) => key === part.replaceAll('~1', '/').replaceAll('~0', '~'))?.[1];
  }
  return target;
}

function decoded(pointer: string): string {
  try {
    return decodeURIComponent(pointer);
  } catch {
    return pointer;
  }
}
