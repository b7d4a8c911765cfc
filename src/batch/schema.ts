import type { JsonSchema } from './options.js';

/** A schema that cannot be used. `at` is the field's name in the shorthand, or the JSON pointer in a JSON Schema. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  /** Stable, for callers to match. */
  readonly code = 'INVALID_SCHEMA';
  constructor(
    message: string,
    readonly at?: string,
  ) {
    super(message);
  }
}

const SCALARS = ['string', 'number', 'integer', 'boolean'] as const;
const TYPES_HINT = `use ${SCALARS.join(', ')}, a type with [] after it, or values with | between them`;
const FILE_HINT = 'for anything richer give a JSON Schema with --schema-file';
const NAME = /^[\p{L}_][\p{L}\p{N}_-]{0,63}$/u;

/**
 * Turns the shorthand `sentiment,confidence:number,tags:string[],mood:good|bad` into the JSON Schema of an object with
 * these fields, all required and no others allowed. A field without a type is a string.
 * Throws a {@link SchemaError} that names the field and says the way out.
 */
export function parseSchemaShorthand(shorthand: string): JsonSchema {
  const text = shorthand.trim();
  if (text === '') throw new SchemaError('the schema is empty: give fields, as in sentiment,confidence:number');
  if (/^[{["]/.test(text)) throw new SchemaError(`the schema looks like JSON: put it in a file and use --schema-file`);
  const properties = new Map<string, JsonSchema>();
  for (const [index, part] of text.split(',').entries()) {
    const { name, schema } = parseField(part.trim(), index + 1);
    if (properties.has(name)) throw new SchemaError(`schema field "${name}" is given twice: name it once`, name);
    properties.set(name, schema);
  }
  return {
    type: 'object',
    properties: Object.fromEntries(properties),
    required: [...properties.keys()],
    additionalProperties: false,
  };
}

function parseField(field: string, position: number): { readonly name: string; readonly schema: JsonSchema } {
  if (field === '') throw new SchemaError(`schema field ${position} is empty: remove the comma too many`);
  const colon = field.indexOf(':');
  const name = (colon < 0 ? field : field.slice(0, colon)).trim();
  // `__proto__` as a property name does not survive every JSON library on the way.
  if (!NAME.test(name) || name === '__proto__') {
    throw new SchemaError(
      `schema field ${position} has the name "${clipped(name)}": a name is up to 64 letters, digits, _ and -, ` +
        'and begins with a letter or _',
      name,
    );
  }
  return { name, schema: colon < 0 ? { type: 'string' } : parseType(name, field.slice(colon + 1).trim()) };
}

function parseType(name: string, type: string): JsonSchema {
  if (type.includes('|')) return parseEnum(name, type);
  const item = type.endsWith('[]') ? type.slice(0, -2).trim() : type;
  if (!isScalar(item)) throw unknownType(name, type);
  return item === type ? { type } : { type: 'array', items: { type: item } };
}

function parseEnum(name: string, type: string): JsonSchema {
  const values = type.split('|').map((value) => value.trim());
  if (values.includes('')) {
    throw new SchemaError(
      `schema field "${name}" has an empty value in "${clipped(type)}": write it as ${name}:a|b`,
      name,
    );
  }
  if (new Set(values).size < values.length) {
    throw new SchemaError(`schema field "${name}" has a value twice in "${clipped(type)}": give each once`, name);
  }
  // `string|number` and `a|b[]` are meant as something that this shorthand cannot say.
  if (
    values.every((value) => isScalar(value) || value === 'null') ||
    values.some((value) => /[[\](){}"]/.test(value))
  ) {
    throw new SchemaError(
      `schema field "${name}": "${clipped(type)}" is not a list of plain values; ${FILE_HINT}`,
      name,
    );
  }
  return { type: 'string', enum: values };
}

/** Returns what a message shows of a text: a whole file may have been given by mistake. */
function clipped(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}

function isScalar(type: string): boolean {
  return SCALARS.some((scalar) => scalar === type);
}

function unknownType(name: string, type: string): SchemaError {
  const what = type === '' ? 'has no type after the colon' : `has the unknown type "${clipped(type)}"`;
  return new SchemaError(`schema field "${name}" ${what}: ${TYPES_HINT}; ${FILE_HINT}`, name);
}
