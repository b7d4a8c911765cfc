import type { JsonSchema } from '../batch/options.js';

/** Returns why OpenAI's strict mode refuses a schema, a sentence each; an endpoint that does so gets a weaker form. */
export function strictModeProblems(schema: JsonSchema): string[] {
  const problems: string[] = [];
  visit(schema, '', (place, part) => {
    if (!isRecord(part.properties)) return;
    if (part.additionalProperties !== false) problems.push(`${place}: "additionalProperties": false is missing`);
    const required = new Set(Array.isArray(part.required) ? part.required : []);
    const optional = Object.keys(part.properties).filter((name) => !required.has(name));
    if (optional.length > 0) problems.push(`${place}: ${optional.join(', ')} must be in "required"`);
  });
  return problems;
}

/** Calls `onSchema` for a schema and all schemas in it, with its place: `the schema`, `properties.a.items`. */
function visit(schema: unknown, path: string, onSchema: (place: string, part: JsonSchema) => void): void {
  if (Array.isArray(schema)) for (const [at, part] of schema.entries()) visit(part, `${path}[${at}]`, onSchema);
  if (!isRecord(schema)) return;
  onSchema(path === '' ? 'the schema' : path, schema);
  for (const name of ['items', 'prefixItems', 'anyOf', 'oneOf', 'allOf'])
    visit(schema[name], below(path, name), onSchema);
  for (const name of ['properties', '$defs', 'definitions']) {
    const parts = schema[name];
    if (!isRecord(parts)) continue;
    for (const [key, part] of Object.entries(parts)) visit(part, below(path, `${name}.${key}`), onSchema);
  }
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function isRecord(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
