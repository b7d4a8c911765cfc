import type { Asked } from '../chat-request.js';
import type { StatusResponse } from '../responses.js';
import { htmlRefusal, jsonRefusal } from '../responses.js';
import type { Quirk } from './quirk.js';
import { readChoice } from './values.js';

/** Quirks that refuse what is in a request, whatever the item. */

/** The fields of OpenAI's requests that a strict endpoint accepts. */
const OPENAI_FIELDS = new Set([
  ...['model', 'messages', 'max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'stream', 'response_format'],
  ...['input', 'instructions', 'max_output_tokens', 'text', 'store', 'reasoning', 'prompt', 'dimensions'],
  ...[
    'encoding_format',
    'n',
    'stop',
    'seed',
    'user',
    'metadata',
    'frequency_penalty',
    'presence_penalty',
    'tools',
    'tool_choice',
  ],
]);

/** Returns OpenAI's form of an error about a request. */
export function requestError(message: string, param: string | null = null, code: string | null = null): object {
  return { error: { message, type: 'invalid_request_error', param, code } };
}

export const strictFields: Quirk = {
  name: 'strict-fields',
  value: 'openai|fastapi|mistral',
  help: "Fields that are not OpenAI's are refused: 400, 422.",
  start: (value, context) => {
    const shape = readChoice(value, ['openai', 'fastapi', 'mistral'], context);
    return {
      refuse: ({ sent }) => {
        const field = Object.keys(sent).find((name) => !OPENAI_FIELDS.has(name));
        return field === undefined ? undefined : fieldRefusal(shape, field, sent[field]);
      },
    };
  },
};

function fieldRefusal(shape: 'openai' | 'fastapi' | 'mistral', field: string, input: unknown): StatusResponse {
  if (shape === 'openai') return jsonRefusal(400, requestError(`Unrecognized request argument supplied: ${field}`));
  const detail = [{ type: 'extra_forbidden', loc: ['body', field], msg: 'Extra inputs are not permitted', input }];
  if (shape === 'fastapi') return jsonRefusal(422, { detail });
  const error = { object: 'error', message: { detail }, type: 'invalid_request_error', param: null, code: null };
  return jsonRefusal(422, error);
}

export const reasoningModel: Quirk = {
  name: 'reasoning-model',
  help: 'max_tokens and any temperature but 1 are refused: 400.',
  start: () => ({
    refuse: ({ sent }) => {
      if ('max_tokens' in sent) {
        const message =
          "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return jsonRefusal(400, requestError(message, 'max_tokens', 'unsupported_parameter'));
      }
      if (sent.temperature === undefined || sent.temperature === 1) return undefined;
      const message = `Unsupported value: 'temperature' does not support ${String(sent.temperature)} with this model. Only the default (1) value is supported.`;
      return jsonRefusal(400, requestError(message, 'temperature', 'unsupported_value'));
    },
  }),
};

/** The words in which servers refuse a picture. Most are no 400, and none is about the picture itself. */
const PICTURE_REFUSALS = {
  openrouter: jsonRefusal(404, { error: { message: 'No endpoints found that support image input', code: 404 } }),
  llama: jsonRefusal(500, {
    error: {
      code: 500,
      message: 'image input is not supported - hint: if this is unexpected, you may need to provide the mmproj',
      type: 'server_error',
    },
  }),
  vllm: jsonRefusal(400, {
    object: 'error',
    message: 'At most 0 image(s) may be provided in one request.',
    type: 'BadRequestError',
    param: null,
    code: 400,
  }),
  deepseek: jsonRefusal(400, requestError('unknown variant `image_url`, expected `text`')),
} as const;

export const noImages: Quirk = {
  name: 'no-images',
  value: 'openrouter|llama|vllm|deepseek',
  help: 'No model takes pictures: 404, 500 or 400.',
  start: (value, context) => {
    const shape = readChoice(value, ['openrouter', 'llama', 'vllm', 'deepseek'], context);
    return {
      refuse: ({ question }) =>
        question.attachments.some(({ kind }) => kind === 'image') ? PICTURE_REFUSALS[shape] : undefined,
    };
  },
};

const FILE_REFUSALS = {
  openai: jsonRefusal(
    400,
    requestError(
      "Invalid Value: 'file'. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', and 'audio'.",
      'messages[0].content[1].type',
    ),
  ),
  qwen: jsonRefusal(
    400,
    requestError("Invalid value: file. Supported values are: 'text','image_url','video_url' and 'video'."),
  ),
  vllm: jsonRefusal(400, {
    object: 'error',
    message: "Unsupported chat content part type: 'file'. Supported types: text, image_url, input_audio",
    type: 'BadRequestError',
    param: null,
    code: 400,
  }),
} as const;

export const noFiles: Quirk = {
  name: 'no-files',
  value: 'openai|qwen|vllm',
  oneModel: true,
  help: 'No model takes files such as PDFs: 400.',
  start: (value, context) => {
    const shape = readChoice(value, ['openai', 'qwen', 'vllm'], context);
    return {
      refuse: ({ question }) =>
        question.attachments.some(({ kind }) => kind === 'file') ? FILE_REFUSALS[shape] : undefined,
    };
  },
};

const DEFAULT_HEADER = 'api-key';

export const wantsHeader: Quirk = {
  name: 'wants-header',
  value: 'name[:value]',
  help: 'Asks for a header of its own (api-key): 401 or 403.',
  start: (value = DEFAULT_HEADER) => {
    const [name = DEFAULT_HEADER, wanted] = value
      .toLowerCase()
      .split(':', 1)
      .concat(value.split(':').slice(1).join(':'));
    const check = (headers: Asked['headers']): StatusResponse | undefined => {
      const sent = headers[name];
      if (sent !== undefined && (wanted === '' || sent === wanted)) return undefined;
      return headerRefusal(name);
    };
    return { account: (_page, headers) => check(headers), refuse: ({ headers }) => check(headers) };
  },
};

function headerRefusal(name: string): StatusResponse {
  if (name.startsWith('cf-access-')) return htmlRefusal(403, 'Error ・ Cloudflare Access', 'Forbidden');
  const message =
    'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.';
  return jsonRefusal(401, { error: { code: '401', message } });
}

const SAME_REFUSALS = ['model-not-found', 'bad-setting'] as const;

export const sameRefusal: Quirk = {
  name: 'same-4xx',
  value: SAME_REFUSALS.join('|'),
  help: 'Every chat request gets the same 404 or 400.',
  start: (value, context) => {
    const shape = readChoice(value, SAME_REFUSALS, context);
    return {
      refuse: ({ request }) => {
        if (shape === 'bad-setting') {
          return jsonRefusal(
            400,
            requestError("'max_tokens' must be less than or equal to 16", 'max_tokens', 'invalid_value'),
          );
        }
        const message = `The model \`${request.model}\` does not exist or you do not have access to it.`;
        return jsonRefusal(404, requestError(message, null, 'model_not_found'));
      },
    };
  },
};
