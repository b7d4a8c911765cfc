import type { JsonSchema } from '../batch/options.js';

/** Loads what compiles the schemas of answers. It takes a while, and most inputs have none. */
export async function loadSchemaCompiler(): Promise<(schema: JsonSchema) => unknown> {
  return (await import('./answer-check.js')).compileAnswerSchema;
}
