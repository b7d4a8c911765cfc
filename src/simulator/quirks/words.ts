import { z } from 'zod';
import type { Payload } from '../payload.js';
import { jsonRefusal } from '../responses.js';
import type { Quirk } from './quirk.js';
import { readChoice } from './values.js';

/** What an endpoint refuses, by the status that Dria has for it. A model that is not there is one of no nodes to Dria. */
const REFUSALS = { 401: 'key', 429: 'limit', 503: 'full' } as const;
type Refusal = (typeof REFUSALS)[keyof typeof REFUSALS] | 'model';

/** A status and a body, as some endpoint has them. */
interface Words {
  readonly status: number;
  readonly body: object;
}

type Provider = Readonly<Record<Refusal, (model: string, seconds: string) => Words>>;

/** An error as OpenAI has it. */
function error(status: number, message: string, type: string, code: string | number | null = null): Words {
  return { status, body: { error: { message, type, param: null, code } } };
}

const OPENAI: Provider = {
  key: () => error(401, 'Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key'),
  model: (model) =>
    error(
      404,
      `The model \`${model}\` does not exist or you do not have access to it.`,
      'invalid_request_error',
      'model_not_found',
    ),
  limit: (model, seconds) =>
    error(
      429,
      `Rate limit reached for ${model} on requests per min (RPM). Please try again in ${seconds}s.`,
      'requests',
      'rate_limit_exceeded',
    ),
  full: () => error(503, 'The engine is currently overloaded, please try again later.', 'server_error'),
};

/** How endpoints refuse, in their own forms. The texts are shortened. */
const PROVIDERS = {
  openai: OPENAI,
  azure: {
    key: () => ({
      status: 401,
      body: { error: { code: '401', message: 'Access denied due to invalid subscription key or wrong API endpoint.' } },
    }),
    model: () => ({
      status: 404,
      body: { error: { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' } },
    }),
    limit: (_model, seconds) => ({
      status: 429,
      body: {
        error: {
          code: 'RateLimitReached',
          message: `Requests have exceeded the call rate limit of your current pricing tier. Please retry after ${seconds} seconds.`,
        },
      },
    }),
    full: () => ({
      status: 503,
      body: {
        error: { code: 'ServiceUnavailable', message: 'The service is temporarily unable to process your request.' },
      },
    }),
  },
  openrouter: {
    key: () => ({ status: 401, body: { error: { message: 'User not found.', code: 401 } } }),
    model: (model) => ({ status: 400, body: { error: { message: `${model} is not a valid model ID`, code: 400 } } }),
    limit: () => ({
      status: 429,
      body: { error: { message: 'Rate limit exceeded', code: 429, metadata: { headers: {} } } },
    }),
    full: () => ({
      status: 503,
      body: {
        error: { message: 'There is no available model provider that meets your routing requirements', code: 503 },
      },
    }),
  },
  groq: {
    ...OPENAI,
    key: () => error(401, 'Invalid API Key', 'invalid_request_error', 'invalid_api_key'),
    limit: (model, seconds) =>
      error(
        429,
        `Rate limit reached for model \`${model}\` on tokens per minute (TPM): Limit 6000, Used 5900, Requested 400. Please try again in ${seconds}s.`,
        'tokens',
        'rate_limit_exceeded',
      ),
    full: (model) =>
      error(
        503,
        `${model} is currently over capacity. Please try again and back off exponentially.`,
        'internal_server_error',
      ),
  },
  mistral: {
    key: () => ({ status: 401, body: { detail: 'Unauthorized' } }),
    model: (model) => ({
      status: 400,
      body: { object: 'error', message: `Invalid model: ${model}`, type: 'invalid_model', param: null, code: '1500' },
    }),
    limit: () => ({
      status: 429,
      body: { object: 'error', message: 'Rate limit exceeded', type: 'rate_limited', param: null, code: '1300' },
    }),
    full: () => ({
      status: 503,
      body: {
        object: 'error',
        message: 'Service unavailable.',
        type: 'unreachable_backend',
        param: null,
        code: '1100',
      },
    }),
  },
  together: {
    ...OPENAI,
    model: (model) =>
      error(
        404,
        `Unable to access model ${model}. Please look up the list of available models.`,
        'invalid_request_error',
        'model_not_available',
      ),
    limit: () =>
      error(429, 'You have sent too many requests, above your dynamic rate limit for this model.', 'rate_limit'),
    full: () => error(503, 'The server is overloaded or not ready yet.', 'server_error'),
  },
  vllm: {
    ...OPENAI,
    key: () => ({ status: 401, body: { error: 'Unauthorized' } }),
    model: (model) => error(404, `The model \`${model}\` does not exist.`, 'NotFoundError', 404),
  },
  llamacpp: {
    ...OPENAI,
    key: () => ({
      status: 401,
      body: { error: { code: 401, message: 'Invalid API Key', type: 'authentication_error' } },
    }),
    full: () => ({ status: 503, body: { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } } }),
  },
  ollama: {
    ...OPENAI,
    model: (model) => error(404, `model '${model}' not found`, 'api_error'),
    full: () => error(503, 'server busy, please try again. maximum pending requests exceeded', 'api_error'),
  },
  litellm: {
    key: () => error(401, 'Authentication Error, Invalid proxy server token passed.', 'auth_error', '401'),
    model: (model) =>
      error(
        400,
        `Invalid model name passed in model=${model}. Call \`/v1/models\` to view available models for your key.`,
        'invalid_request_error',
        '400',
      ),
    limit: (_model, seconds) =>
      error(
        429,
        `litellm.RateLimitError: No deployments available for selected model, Try again in ${seconds} seconds.`,
        'None',
        '429',
      ),
    full: () =>
      error(503, 'litellm.ServiceUnavailableError: OpenAIException - The engine is overloaded', 'None', '503'),
  },
} satisfies Readonly<Record<string, Provider>>;

/** Names of the endpoints whose words are known. */
export const PROVIDER_NAMES = [
  'openai',
  'azure',
  'openrouter',
  'groq',
  'mistral',
  'together',
  'vllm',
  'llamacpp',
  'ollama',
  'litellm',
] as const satisfies readonly (keyof typeof PROVIDERS)[];

export const words: Quirk = {
  name: 'words',
  value: 'endpoint',
  help: 'Refuses in the words of a well-known endpoint.',
  start: (value, context) => {
    const provider: Provider = PROVIDERS[readChoice(value, PROVIDER_NAMES, context)];
    return {
      refuse: ({ request: { model } }) => {
        if (context.has(model)) return undefined;
        const { status, body } = provider.model(model, '');
        return jsonRefusal(status, body);
      },
      write: (payload) => inWords(payload, provider),
    };
  },
};

const statusSchema = z.literal([401, 429, 503]);

/** Only what Dria says as plain text is replaced: other quirks have their own words. */
function inWords(payload: Payload, provider: Provider): Payload {
  const status = statusSchema.safeParse(payload.status);
  if (!status.success || payload.contentType !== 'text/plain') return payload;
  const model = /model (\S+)/.exec(String(payload.body))?.[1] ?? 'the model';
  const refused = provider[REFUSALS[status.data]](model, payload.headers['retry-after'] ?? '2');
  return { ...payload, status: refused.status, contentType: 'application/json', body: JSON.stringify(refused.body) };
}
