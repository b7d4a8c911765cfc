import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { InputLine } from '../batch/items.js';
import type { JsonSchema } from '../batch/options.js';
import { parseSchemaShorthand, SchemaError } from '../batch/schema.js';
import type { FieldProblem } from './errors.js';
import { printable } from './excerpt.js';

type ItemSchema = NonNullable<InputLine['schema']>;

/** Compiles a schema. Throws a {@link SchemaError} for one that cannot be used. */
export type CompileSchema = (schema: JsonSchema) => unknown;

/** Maximum number of different schemas of an input's items: each is compiled where its items are asked. */
const MAX_SCHEMAS = 10_000;

/** Maximum size of an item's schema, as JSON (characters): it is part of each request. */
const MAX_CHARACTERS = 200_000;

/** Time in which all schemas of an input must compile, ms. */
const COMPILE_MS = 60_000;

/** Returns the schema of an item as JSON Schema. Throws a {@link SchemaError} for a short form that is none. */
export function schemaOf({ schema }: InputLine): JsonSchema | undefined {
  return typeof schema === 'string' ? parseSchemaShorthand(schema) : schema;
}

/** Checks the schemas of an input's items, each once. */
export class ItemSchemas {
  /** What was found of each schema, by its hash: undefined for a good one. */
  private readonly seen = new Map<string, string | undefined>();
  private spentMs = 0;

  constructor(
    private readonly compile: CompileSchema,
    private readonly maxSchemas = MAX_SCHEMAS,
    private readonly compileMs = COMPILE_MS,
  ) {}

  /** Returns the problem with an item's schema; undefined if it has none, or a good one. */
  async check({ schema }: InputLine): Promise<FieldProblem | undefined> {
    if (schema === undefined) return undefined;
    const text = JSON.stringify(schema);
    const key = hash('sha256', text, 'base64');
    const message = this.seen.has(key) ? this.seen.get(key) : await this.look(schema, key, text.length);
    return message === undefined ? undefined : { field: 'schema', message };
  }

  private async look(schema: ItemSchema, key: string, characters: number): Promise<string | undefined> {
    const message = this.limitProblem(characters) ?? this.compileProblem(schema);
    if (this.seen.size < this.maxSchemas) this.seen.set(key, message);
    // Compiling holds up everything else here.
    await setImmediate();
    return message;
  }

  private limitProblem(characters: number): string | undefined {
    const count = (what: number): string => what.toLocaleString('en');
    if (characters > MAX_CHARACTERS) {
      return `has ${count(characters)} characters; the limit for the schema of an item is ${count(MAX_CHARACTERS)}`;
    }
    if (this.seen.size >= this.maxSchemas) {
      return `is one too many: the items of an input may have ${count(this.maxSchemas)} different schemas; split the file`;
    }
    if (this.spentMs > this.compileMs) {
      return `is not checked: those before it took ${count(this.compileMs / 1000)} seconds to compile, the limit for an input; split the file, or give smaller ones`;
    }
    return undefined;
  }

  private compileProblem(schema: ItemSchema): string | undefined {
    const start = performance.now();
    try {
      this.compile(typeof schema === 'string' ? parseSchemaShorthand(schema) : schema);
      return undefined;
    } catch (error) {
      if (error instanceof SchemaError) return printable(error.message);
      throw error;
    } finally {
      this.spentMs += performance.now() - start;
    }
  }
}
