import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { JsonSchema } from '../batch/options.js';
import { SchemaError } from '../batch/schema.js';
import { DriaError, oneLine } from './errors.js';
import { isObject } from './json.js';

/** A compiled schema for answers. */
export interface AnswerCheck {
  readonly schema: JsonSchema;
  /**
   * The JSON value of an answer's text, which may stand in a Markdown code fence. Throws `InvalidOutput` that names the
   * first place where it is not what the schema says.
   */
  check(text: string): { readonly parsed: unknown };
}

const AJV_OPTIONS: Options = {
  // Schemas are written for models, with keywords of their own; what is no schema at all is refused below.
  strict: false,
  logger: false,
  // Else a required field named `constructor` is found in every object.
  ownProperties: true,
};

/** Compiled checks by the schema's JSON; a worker serves few runs at once. The oldest goes first. */
const cache = new Map<string, AnswerCheck>();
const CACHED = 32;

/**
 * Compiles a JSON Schema, draft 2020-12 or, by its `$schema`, draft-07. The same schema is compiled once.
 * Throws a {@link SchemaError} for what is no such schema, with the JSON pointer of the place.
 */
export function compileAnswerSchema(schema: unknown): AnswerCheck {
  if (!isObject(schema)) throw new SchemaError('the schema must be a JSON object, as in {"type": "object", …}');
  if ('$async' in schema) throw new SchemaError('the schema must not have $async', '/$async');
  const key = JSON.stringify(schema);
  const cached = cache.get(key);
  if (cached !== undefined) return cached;
  const validate = compile(schema);
  const compiled: AnswerCheck = { schema, check: (text) => checkAnswer(validate, text) };
  const [oldest] = cache.keys();
  if (oldest !== undefined && cache.size >= CACHED) cache.delete(oldest);
  cache.set(key, compiled);
  return compiled;
}

function compile(schema: JsonSchema): ValidateFunction {
  // An instance for each, so that two schemas with one $id do not meet.
  const ajv = draftOf(schema) === '07' ? new Ajv(AJV_OPTIONS) : new Ajv2020(AJV_OPTIONS);
  addFormats.default(ajv);
  const { $schema: _, ...rest } = schema;
  if (ajv.validateSchema(rest) !== true) {
    const [error] = ajv.errors ?? [];
    throw new SchemaError(`the schema is not valid at ${placeOf(error)}: ${complaint(error)}`, error?.instancePath);
  }
  try {
    return ajv.compile(rest);
  } catch (error) {
    throw new SchemaError(
      `the schema cannot be used: ${oneLine(error instanceof Error ? error.message : String(error))}`,
    );
  }
}

function draftOf({ $schema }: JsonSchema): '2020' | '07' {
  if ($schema === undefined) return '2020';
  const draft = typeof $schema === 'string' ? /^https?:\/\/json-schema\.org\/(.*)\/schema#?$/.exec($schema)?.[1] : '';
  if (draft === 'draft/2020-12') return '2020';
  if (draft === 'draft-07') return '07';
  throw new SchemaError(
    'the schema names a draft that is not supported in $schema: 2020-12 and draft-07 are',
    '/$schema',
  );
}

function checkAnswer(validate: ValidateFunction, text: string): { readonly parsed: unknown } {
  const parsed = parseAnswer(text);
  if (validate(parsed) === true) return { parsed };
  const [error] = validate.errors ?? [];
  throw invalidOutput(`the answer does not satisfy the schema at ${placeOf(error)}: ${complaint(error)}`);
}

/** A whole answer in a fence, as models that were not held to a grammar like to write it. */
const FENCED = /^\s*```[a-z]*[ \t]*\r?\n([\s\S]*?)\r?\n?```\s*$/i;

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(FENCED.exec(text)?.[1] ?? text);
  } catch (error) {
    throw invalidOutput(`the answer is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function placeOf(error: ErrorObject | undefined): string {
  return error === undefined || error.instancePath === '' ? 'its root' : error.instancePath;
}

function complaint(error: ErrorObject | undefined): string {
  const { allowedValues, additionalProperty } = error?.params ?? {};
  const detail = Array.isArray(allowedValues) ? ` (${allowedValues.join(', ')})` : '';
  const name = typeof additionalProperty === 'string' ? ` ("${additionalProperty}")` : '';
  return `${error?.message ?? 'is not valid'}${detail}${name}`;
}

function invalidOutput(message: string): DriaError {
  return new DriaError({ code: 'InvalidOutput', message: oneLine(message) });
}
