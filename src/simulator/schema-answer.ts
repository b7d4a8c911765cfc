import { chance } from './hash.js';
import { numberFor, stringFor } from './schema-scalars.js';

/** A JSON Schema, or `true`/`false`, as it came from outside. */
type Schema = Readonly<Record<string, unknown>>;

interface Walk {
  readonly root: Schema;
  /** What the values depend on. */
  readonly seed: string;
  readonly depth: number;
  /** Where in the answer, so that two fields do not get the same value. */
  readonly path: string;
}

/** Deeper than this only what is required is filled in, so that a schema that holds itself comes to an end. */
const FULL_DEPTH = 4;
/** A schema that requires itself has no answer; the walk gives up here. */
const MAX_DEPTH = 64;

/**
 * A value that satisfies a JSON Schema, chosen by `seed`. Knows types, `enum`, `const`, `properties`, `required`,
 * `items`, `prefixItems`, bounds of numbers, strings and arrays, common formats, `anyOf`, `oneOf`, `allOf` and local
 * `$ref`. Does not know `pattern`, `not`, `if` and `uniqueItems`; a schema that rests on those may get a wrong value.
 */
export function schemaAnswer(schema: Schema, seed: string): unknown {
  return valueFor(schema, { root: schema, seed, depth: 0, path: '' });
}

/** A value that does not satisfy the schema: of another type than the one it asks for. */
export function brokenSchemaAnswer(schema: Schema): unknown {
  return typeOf(resolve(schema, schema)) === 'array' ? { unexpected: true } : [null];
}

function valueFor(given: unknown, walk: Walk): unknown {
  if (walk.depth > MAX_DEPTH || !isSchema(given)) return null;
  const schema = resolve(given, walk.root);
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return pick(schema.enum, walk);
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return valueFor(withoutChoices(schema, choose(choices, walk)), down(walk, ''));
  return typedValue(schema, walk);
}

function typedValue(schema: Schema, walk: Walk): unknown {
  switch (typeOf(schema)) {
    case 'object':
      return objectFor(schema, walk);
    case 'array':
      return arrayFor(schema, walk);
    case 'number':
      return numberFor(schema, unit(walk), false);
    case 'integer':
      return numberFor(schema, unit(walk), true);
    case 'boolean':
      return unit(walk) < 0.5;
    case 'null':
      return null;
    default:
      return stringFor(schema, walk.seed);
  }
}

function objectFor(schema: Schema, walk: Walk): Record<string, unknown> {
  const properties = isSchema(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const names = walk.depth < FULL_DEPTH ? [...new Set([...Object.keys(properties), ...required])] : required;
  // fromEntries defines the fields: an assignment to `__proto__` would set the prototype instead.
  return Object.fromEntries(
    names
      .filter((name) => properties[name] !== false)
      .map((name) => [name, valueFor(properties[name] ?? { type: 'string' }, down(walk, name))]),
  );
}

function arrayFor(schema: Schema, walk: Walk): unknown[] {
  const prefix: readonly unknown[] = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
  const min = typeof schema.minItems === 'number' ? schema.minItems : 0;
  const max = typeof schema.maxItems === 'number' ? schema.maxItems : Infinity;
  const wanted = walk.depth < FULL_DEPTH ? 2 : 0;
  const rest = schema.items === false ? prefix.length : Infinity;
  const length = Math.max(min, Math.min(Math.max(wanted, prefix.length), max, rest));
  return Array.from({ length }, (_, index) =>
    valueFor(prefix[index] ?? schema.items ?? { type: 'string' }, down(walk, String(index))),
  );
}

/** Follows a local `$ref` and folds `allOf` into the schema that holds it. */
function resolve(schema: Schema, root: Schema, hops = 0): Schema {
  if (hops > MAX_DEPTH) return {};
  if (typeof schema.$ref === 'string') {
    const { $ref, ...beside } = schema;
    return merge(resolve(lookUp($ref, root), root, hops + 1), beside);
  }
  if (!Array.isArray(schema.allOf)) return schema;
  const { allOf, ...beside } = schema;
  return allOf.filter(isSchema).reduce((merged, part) => merge(merged, resolve(part, root, hops + 1)), beside);
}

function lookUp(ref: string, root: Schema): Schema {
  if (!ref.startsWith('#')) return {};
  const steps = ref.slice(1).split('/').slice(1);
  let found: unknown = root;
  for (const step of steps) {
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    found = typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined;
  }
  return isSchema(found) ? found : {};
}

function merge(a: Schema, b: Schema): Schema {
  const merged: Record<string, unknown> = { ...a, ...b };
  if (isSchema(a.properties) && isSchema(b.properties)) merged.properties = { ...a.properties, ...b.properties };
  if (Array.isArray(a.required) && Array.isArray(b.required)) merged.required = [...a.required, ...b.required];
  return merged;
}

function withoutChoices(schema: Schema, chosen: unknown): Schema {
  const { anyOf, oneOf, ...beside } = schema;
  return isSchema(chosen) ? merge(beside, chosen) : beside;
}

/** Deep down the choice falls on one that leads no deeper, if there is one. */
function choose(choices: readonly unknown[], walk: Walk): unknown {
  if (walk.depth < FULL_DEPTH) return pick(choices, walk);
  const flat = choices.filter((choice) => !JSON.stringify(choice).includes('"$ref"'));
  return pick(flat.length > 0 ? flat : choices, walk);
}

function typeOf(schema: Schema): unknown {
  const type: unknown = Array.isArray(schema.type) ? schema.type.find((name) => name !== 'null') : schema.type;
  if (type !== undefined) return type;
  if (Array.isArray(schema.type)) return 'null';
  if ('properties' in schema || 'required' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema) return 'array';
  return 'minimum' in schema || 'maximum' in schema ? 'number' : 'string';
}

function down(walk: Walk, step: string): Walk {
  return { ...walk, depth: walk.depth + 1, path: `${walk.path}/${step}` };
}

function pick(values: readonly unknown[], walk: Walk): unknown {
  return values[Math.floor(unit(walk) * values.length)];
}

function unit(walk: Walk): number {
  return chance('schema', walk.seed, walk.path)[0];
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
