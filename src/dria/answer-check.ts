import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { JsonSchema } from '../batch/options.js';
import { SchemaError } from '../batch/schema.js';
import { DriaError, oneLine } from './errors.js';
import { isObject, isTooDeep, MAX_LEVELS, parseJson } from './json.js';
import { bareText, exactJson, jsonWithin } from './json-text.js';
import { isCostly, patternsOf, placeOfRef, schemaJson } from './schema-limits.js';
import { TimeLimitError, withinTime } from './time-limit.js';

/** A value that satisfies the schema. */
export interface CheckedOutput {
  /** As JavaScript has it: an integer above 2^53 has lost digits. */
  readonly parsed: unknown;
  /** The same value as one line of JSON, digit for digit as the model wrote it: what output lines carry. */
  readonly json: string;
}

/** A compiled schema for answers. */
export interface AnswerCheck {
  readonly schema: JsonSchema;
  /**
   * Returns the JSON value of an answer's text. Thoughts (`<think>`), a fence and sentences around it are left away, if
   * exactly one value is left that satisfies the schema. Throws `InvalidOutput` that names the first place where it is not
   * what the schema says.
   */
  check(text: string): CheckedOutput;
}

const AJV_OPTIONS: Options = {
  // Schemas are written for models, with keywords of their own; what is no schema at all is refused below.
  strict: false,
  logger: false,
  // Else a required field named `constructor` is found in every object.
  ownProperties: true,
};

/** Time for a check that may take long, ms, and what is added for each 10,000 characters of the answer. */
const CHECK_MS = 100;
const CHECK_MS_PER_10K = 1;

/** Time to compile a schema, and to try it on {@link SAMPLES} and its patterns on no text, ms. */
const COMPILE_MS = 3_000;
const SAMPLES: readonly unknown[] = [null, true, 0, '', [], {}];

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
  const key = schemaJson(schema);
  const cached = cache.get(key);
  if (cached !== undefined) return cached;
  const rules = { validate: compileWithin(schema), isCostly: isCostly(schema) };
  const compiled: AnswerCheck = { schema, check: (text) => checkAnswer(rules, text) };
  const [oldest] = cache.keys();
  if (oldest !== undefined && cache.size >= CACHED) cache.delete(oldest);
  cache.set(key, compiled);
  return compiled;
}

function compileWithin(schema: JsonSchema): ValidateFunction {
  try {
    return withinTime(COMPILE_MS, () => {
      const validate = compile(schema);
      tryOut(schema, validate);
      return validate;
    });
  } catch (error) {
    if (!(error instanceof TimeLimitError)) throw error;
    throw new SchemaError(`the schema takes too long to compile (${error.message}): give a smaller one`);
  }
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
    if (error instanceof Ajv.MissingRefError) throw unresolved(schema, error.missingRef);
    throw new SchemaError(`the schema cannot be used: ${oneLine(messageOf(error))}`);
  }
}

/** Nothing is fetched: a schema must hold all that it refers to. */
function unresolved(schema: JsonSchema, ref: string): SchemaError {
  const at = placeOfRef(schema, ref);
  const place = at === undefined ? '' : ` at ${at}`;
  const message = `the schema cannot be used: can't resolve reference "${ref}"${place}: put what it means under $defs`;
  return new SchemaError(oneLine(message), at);
}

/** Tries a schema before anything is spent: on the least of values, and its patterns on no text. */
function tryOut(schema: JsonSchema, validate: ValidateFunction): void {
  for (const [at, pattern] of patternsOf(schema)) {
    try {
      // An expression may be compiled, and found too large, when it is first used.
      new RegExp(pattern, 'u').test('');
    } catch (error) {
      throw new SchemaError(oneLine(`the schema cannot be used at ${at}: ${messageOf(error)}`), at);
    }
  }
  try {
    for (const sample of SAMPLES) validate(sample);
  } catch (error) {
    throw new SchemaError(`the schema cannot be used: it refers to itself without end (${messageOf(error)})`);
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

/** A compiled schema, and whether its checks must be held to a time. */
interface Rules {
  readonly validate: ValidateFunction;
  readonly isCostly: boolean;
}

function checkAnswer({ validate, isCostly }: Rules, text: string): CheckedOutput {
  const bare = bareText(text);
  const parsed = parseJson(bare);
  try {
    // Only JSON that stands by itself is checked in a time that its length bounds.
    if (parsed !== undefined && !isCostly) return checkValue(validate, bare, parsed);
    const limitMs = CHECK_MS + CHECK_MS_PER_10K * Math.ceil(text.length / 10_000);
    const check = () => (parsed === undefined ? checkWithin(validate, bare) : checkValue(validate, bare, parsed));
    return withinTime(limitMs, check);
  } catch (error) {
    if (error instanceof TimeLimitError) {
      throw invalidOutput(`the check of the answer against the schema takes too long: ${error.message}`);
    }
    // The stack, or what V8 allows a regular expression.
    if (error instanceof RangeError || error instanceof SyntaxError) {
      throw invalidOutput(`the answer cannot be checked against the schema: ${error.message}`);
    }
    throw error;
  }
}

function checkValue(validate: ValidateFunction, text: string, value: unknown): CheckedOutput {
  if (isTooDeep(text, value)) {
    throw invalidOutput(`the answer has more than ${MAX_LEVELS} levels of objects and arrays`);
  }
  if (validate(value) !== true) throw unsatisfied(validate);
  return { parsed: value, json: exactJson(text, value) };
}

/** Looks for the value among the words around it. */
function checkWithin(validate: ValidateFunction, text: string): CheckedOutput {
  const values = jsonWithin(text);
  const good = values.filter((value) => isGood(validate, value));
  const [only] = good;
  if (only !== undefined && good.length === 1) return checkValue(validate, only, JSON.parse(only));
  if (good.length > 1) throw invalidOutput('the answer has more than one JSON value that satisfies the schema');
  const [value] = values;
  if (value === undefined || values.length > 1) throw notJson(whyNotJson(text));
  return checkValue(validate, value, JSON.parse(value));
}

function isGood(validate: ValidateFunction, text: string): boolean {
  const value: unknown = JSON.parse(text);
  return !isTooDeep(text, value) && validate(value) === true;
}

function whyNotJson(text: string): string {
  try {
    JSON.parse(text);
    return 'it is another value';
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** V8 quotes the answer. */
function notJson(why: string): DriaError {
  const shown = 'the answer is not JSON';
  return invalidOutput(`${shown}: ${why}`, shown);
}

/** A field that the schema does not know is named by the answer. */
function unsatisfied({ errors }: ValidateFunction): DriaError {
  const [error] = errors ?? [];
  const shown = `the answer does not satisfy the schema at ${placeOf(error)}: ${complaint(error)}`;
  const { additionalProperty } = error?.params ?? {};
  return typeof additionalProperty === 'string'
    ? invalidOutput(`${shown} ("${additionalProperty}")`, shown)
    : invalidOutput(shown);
}

function placeOf(error: ErrorObject | undefined): string {
  return error === undefined || error.instancePath === '' ? 'its root' : error.instancePath;
}

function complaint(error: ErrorObject | undefined): string {
  const { allowedValues } = error?.params ?? {};
  const detail = Array.isArray(allowedValues) ? ` (${allowedValues.join(', ')})` : '';
  return `${error?.message ?? 'is not valid'}${detail}`;
}

function invalidOutput(message: string, shown?: string): DriaError {
  return new DriaError({ code: 'InvalidOutput', message: oneLine(message), shown: shown && oneLine(shown) });
}
