import { z } from 'zod';
import type { Asked } from '../chat-request.js';
import type { StatusResponse } from '../responses.js';
import { jsonRefusal } from '../responses.js';
import { schemaAnswer } from '../schema-answer.js';
import { textOf } from '../text-of.js';
import type { Quirk } from './quirk.js';
import { requestError } from './requests.js';
import { readChoice } from './values.js';

const objectSchema = z.record(z.string(), z.unknown());

const SHAPES = ['object-only', 'pydantic', 'strict', 'none'] as const;

export const noJsonSchema: Quirk = {
  name: 'no-json-schema',
  value: SHAPES.join('|'),
  help: 'response_format json_schema is refused: 400, 422.',
  start: (value, context) => {
    const shape = readChoice(value, SHAPES, context);
    return {
      refuse: (asked) => REFUSALS[shape](asked),
      answer: (body, asked) => {
        if (asked.request.response_format?.type === 'json_schema') return body;
        const schema = schemaInPrompt(asked);
        if (schema === undefined) return body;
        const [choice] = body.choices;
        const content = JSON.stringify(schemaAnswer(schema, asked.question.promptHash));
        return { ...body, choices: [{ ...choice, message: { ...choice.message, content } }] };
      },
    };
  },
};

const REFUSALS: Readonly<Record<(typeof SHAPES)[number], (asked: Asked) => StatusResponse | undefined>> = {
  /** DeepSeek's. */
  'object-only': ({ request }) =>
    request.response_format?.type === 'json_schema'
      ? jsonRefusal(400, requestError('This response_format type is unavailable now'))
      : undefined,
  pydantic: ({ request }) => {
    if (request.response_format?.type !== 'json_schema') return undefined;
    const msg = "Input should be 'text' or 'json_object'";
    const detail = [{ type: 'literal_error', loc: ['body', 'response_format', 'type'], msg, input: 'json_schema' }];
    return jsonRefusal(422, { detail });
  },
  /** OpenAI's: only `strict` is refused, and only for a schema that leaves it open what else an object may hold. */
  strict: ({ request }) => {
    const format = request.response_format;
    if (format?.type !== 'json_schema' || format.json_schema.strict !== true) return undefined;
    if (format.json_schema.schema.additionalProperties === false) return undefined;
    const message = `Invalid schema for response_format '${format.json_schema.name}': In context=(), 'additionalProperties' is required to be supplied and to be false.`;
    return jsonRefusal(400, requestError(message, 'response_format', null));
  },
  none: ({ sent }) =>
    'response_format' in sent
      ? jsonRefusal(
          400,
          requestError('Unsupported parameter: response_format', 'response_format', 'unsupported_parameter'),
        )
      : undefined,
};

/** Returns the first JSON Schema in the text of the messages: what a model would go by. */
function schemaInPrompt({ request: { messages } }: Asked): Readonly<Record<string, unknown>> | undefined {
  for (const { content } of messages) {
    const text = textOf(content);
    for (let start = text.indexOf('{'); start >= 0; start = text.indexOf('{', start + 1)) {
      const schema = parseObject(text, start);
      if (schema !== undefined && ('type' in schema || 'properties' in schema || '$ref' in schema)) return schema;
    }
  }
  return undefined;
}

/** Parses the JSON object that begins at a brace, if there is one. */
function parseObject(text: string, start: number): Readonly<Record<string, unknown>> | undefined {
  const tokens = /"(?:[^"\\]|\\.)*"|[{}]/g;
  tokens.lastIndex = start;
  let depth = 0;
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    if (token[0] === '{') depth += 1;
    if (token[0] === '}') depth -= 1;
    if (depth > 0) continue;
    try {
      return objectSchema.safeParse(JSON.parse(text.slice(start, tokens.lastIndex))).data;
    } catch {
      return undefined;
    }
  }
  return undefined;
}
