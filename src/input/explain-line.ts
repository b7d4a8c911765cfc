import type { z } from 'zod';
import { inputLineSchema, MAX_ATTACHMENTS } from '../batch/items.js';
import { editDistance } from './edit-distance.js';
import type { FieldProblem } from './errors.js';
import { excerpt, printable } from './excerpt.js';

const FIELDS = Object.keys(inputLineSchema.shape);

const OTHER_FIELDS = `the fields are ${FIELDS.join(', ')}; others need --columns, which copies them into the output`;

/** What people write for our fields, from other tools' formats. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  text: 'prompt',
  input: 'prompt',
  question: 'prompt',
  content: 'prompt',
  query: 'prompt',
  message: 'prompt',
  system_prompt: 'system',
  instructions: 'system',
  custom_id: 'id',
  key: 'id',
  images: 'attachments',
  files: 'attachments',
  response_schema: 'schema',
  image: 'attachment',
  image_url: 'attachment',
  audio: 'attachment',
  file: 'attachment',
  path: 'attachment',
  url: 'attachment',
};

/** Says in a person's words what the schema found in a line's value. */
export function explainIssues(value: unknown, error: z.ZodError): FieldProblem[] {
  const unknown = error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  const meant = new Set(unknown.map(nearestField));
  const known = error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return [];
    const [field] = issue.path;
    if (typeof field !== 'string') return [{ message: `must be an object like {"prompt": "…"}, not ${kindOf(value)}` }];
    const content = fieldOf(value, field);
    // The misspelt field is named by its own problem.
    return content === undefined && meant.has(field) ? [] : [{ field, message: explainField(field, content) }];
  });
  return [...known, ...unknown.map((name) => ({ message: explainUnknown(name) }))];
}

function explainField(field: string, content: unknown): string {
  if (content === undefined) return 'missing';
  if (field === 'columns') return `must be an object, not ${kindOf(content)}`;
  if (field === 'model' && typeof content === 'string' && content !== '') return 'too long for the name of a model';
  if (field === 'attachments') {
    return `must be a list of up to ${MAX_ATTACHMENTS.toLocaleString('en')} paths and URLs, as ["a.png", "b.png"]`;
  }
  if (field === 'schema') return `must be a JSON Schema or its short form in text, not ${kindOf(content)}`;
  if (typeof content === 'string') return 'must not be empty';
  if (field === 'id') {
    return typeof content === 'number' ? 'too large a number' : `must be text or a number, not ${kindOf(content)}`;
  }
  return `must be text, not ${kindOf(content)}`;
}

function explainUnknown(name: string): string {
  const nearest = nearestField(name);
  const way = nearest === undefined ? OTHER_FIELDS : `did you mean "${nearest}"?`;
  return `unknown field ${excerpt(name)}: ${way}`;
}

/** The field that a misspelt name means, if one is near: at most two letters changed, or another tool's name for it. */
function nearestField(name: string): string | undefined {
  const lower = name.slice(0, 32).toLowerCase();
  const near = FIELDS.map((field) => ({ field, distance: editDistance(lower, field) }))
    .filter(({ field, distance }) => distance <= Math.min(2, field.length - 1))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.field ?? (Object.hasOwn(OTHER_NAMES, lower) ? OTHER_NAMES[lower] : undefined);
}

function fieldOf(value: unknown, field: string): unknown {
  return new Map<string, unknown>(Object.entries(Object(value))).get(field);
}

/** Returns what kind of JSON value something is, for a message. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') return 'text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Says what `JSON.parse` did not like. The engine's message shows at most a few characters of the line. */
export function explainJsonError(text: string, error: SyntaxError): string {
  if (text.includes('\0')) return `NUL byte at character ${text.indexOf('\0') + 1}: the line is binary data or UTF-16`;
  const trimmed = text.trim();
  if (trimmed === '{' || trimmed === '[') {
    return `only ${excerpt(trimmed)}: the file looks like JSON over several lines; write one whole object on each line`;
  }
  const message = error.message
    .replace(/ \(line \d+ column \d+\)$/, '')
    .replace(/(?: in JSON)? at position (\d+)$/, (_, position: string) => ` at character ${Number(position) + 1}`);
  return `not valid JSON: ${printable(message)}`;
}
