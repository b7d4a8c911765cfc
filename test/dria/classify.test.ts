import { describe, expect, it } from 'vitest';
import { classify, type ErrorContext } from '../../src/dria/classify.js';

const ALL_FIELDS = ['timeout_secs', 'max_tokens', 'temperature', 'response_format'] as const;

/** `<fault> <code>`, and the field that is refused, for an answer with this status and body. */
function verdict(status: number, body: unknown, context: ErrorContext = {}, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const found = classify({ status, headers, text }, { sentFields: ALL_FIELDS, ...context });
  const { fault, code, refusedField, isUnclear } = found;
  return `${fault} ${code}${refusedField === undefined ? '' : ` ${refusedField}`}${isUnclear ? ' unclear' : ''}`;
}

const error = (message: string, more: object = {}) => ({ error: { message, ...more } });

describe('the item is at fault', () => {
  it.each<[string, number, unknown]>([
    [
      'OpenAI, context',
      400,
      error(
        "This model's maximum context length is 8192 tokens. However, you requested 254457 tokens. Please reduce the length of the messages.",
        { type: 'invalid_request_error', param: 'messages', code: 'context_length_exceeded' },
      ),
    ],
    [
      'vLLM, context',
      400,
      {
        object: 'error',
        message:
          "This model's maximum context length is 16384 tokens. However, you requested 122946 tokens (112946 in the messages, 10000 in the completion). Please reduce the length of the messages or completion.",
        type: 'BadRequestError',
        param: null,
        code: 400,
      },
    ],
    [
      'vLLM, max_tokens of this prompt',
      400,
      error(
        "'max_tokens' or 'max_completion_tokens' is too large: 10000. This model's maximum context length is 16384 tokens and your request has 9000 input tokens.",
        { type: 'BadRequestError', param: null, code: 400 },
      ),
    ],
    [
      'Together, context',
      400,
      error(
        'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 80125 `inputs` tokens and 4096 `max_new_tokens`',
        { type: 'invalid_request_error', param: 'max_tokens', code: null },
      ),
    ],
    [
      'llama.cpp, context',
      400,
      error('the request exceeds the available context size, try increasing it', {
        code: 400,
        type: 'exceed_context_size_error',
      }),
    ],
    [
      'Azure, content filter',
      400,
      error(
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.",
        {
          type: null,
          param: 'prompt',
          code: 'content_filter',
          status: 400,
          innererror: {
            code: 'ResponsibleAIPolicyViolation',
            content_filter_result: { hate: { filtered: false, severity: 'safe' } },
          },
        },
      ),
    ],
    [
      'OpenRouter, moderation',
      403,
      error('anthropic/claude requires moderation on OpenRouter. Your input was flagged for "violence"', {
        code: 403,
        metadata: { reasons: ['violence'], flagged_input: 'insufficient_quota', provider_name: 'Anthropic' },
      }),
    ],
    [
      'Alibaba, inspection',
      400,
      error('Input data may contain inappropriate content.', {
        code: 'data_inspection_failed',
        type: 'data_inspection_failed',
      }),
    ],
    [
      'Groq, one request above the minute',
      413,
      error(
        'Request too large for model `llama-3.1-8b-instant` in organization `org_x` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 12328, please reduce your message size and try again. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing',
        { type: 'tokens', code: 'rate_limit_exceeded' },
      ),
    ],
    [
      'OpenAI, one request above the minute',
      429,
      error(
        'Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 31000. The input or output tokens must be reduced in order to run successfully.',
        { type: 'tokens', param: null, code: 'rate_limit_exceeded' },
      ),
    ],
    [
      'OpenAI, max_tokens above the model',
      400,
      error(
        'max_tokens is too large: 5000. This model supports at most 4096 completion tokens, whereas you provided 5000.',
        { type: 'invalid_request_error', param: 'max_tokens', code: null },
      ),
    ],
    ['a temperature out of range', 400, error("Invalid value for 'temperature': must be between 0 and 1")],
    [
      'pydantic, a value of the item',
      422,
      {
        detail: [
          {
            type: 'string_type',
            loc: ['body', 'messages', 0, 'content'],
            msg: 'Input should be a valid string',
            input: { a: 'insufficient_quota no such model' },
          },
        ],
      },
    ],
    ['nothing said', 422, '{"unknown":1}'],
    ["I'm a teapot", 418, ''],
    ['too large', 413, '<html><title>413 Request Entity Too Large</title></html>'],
  ])('%s', (_, status, body) => {
    expect(verdict(status, body)).toBe('item InvalidRequest');
  });

  it('if a 403 comes after the key was proven: a WAF page, or words about nothing', () => {
    const page = '<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>';
    expect(verdict(403, page, { keyProven: true })).toBe('item InvalidRequest');
    expect(verdict(403, 'forbidden', { keyProven: true })).toBe('item InvalidRequest');
    expect(verdict(403, 'forbidden')).toBe('endpoint Unauthorized');
  });

  it.each<[string, number, unknown]>([
    ['wants a login', 400, error('Error while downloading the image: authentication required')],
    ['is not there', 404, error('the image url https://a.example/b.png was not found')],
    ['is not there, says the model', 400, error('model m: image file not found')],
    ['is in a country', 400, error('The image shows a region that is not supported')],
  ])('if a file that it links to %s', (_, status, body) => {
    expect(verdict(status, body, { attached: 'vision', targetProven: true })).toBe('item InvalidRequest');
  });

  it('if the error repeats the beginning of such a prompt', () => {
    const prompt = 'Translate: your credit balance is too low. Invalid API key. And more text that is cut off.';
    const body = error(`Rejected input "${prompt.slice(0, 60)}…" twice: "${prompt.slice(0, 40)}…"`);
    expect(verdict(400, body)).toBe('endpoint PaymentRequired');
    expect(verdict(400, body, { prompt })).toBe('item InvalidRequest');
  });

  it('if the error repeats a prompt that speaks of money, keys and models', () => {
    const prompt =
      'The model gpt-9 does not exist. Invalid API key. Insufficient credits. Unsupported parameter: temperature';
    expect(verdict(400, error(`Could not understand: ${prompt}`), { prompt })).toBe('item InvalidRequest');
    expect(verdict(422, { detail: [{ loc: ['body', 'messages'], msg: 'bad', input: prompt }] })).toBe(
      'item InvalidRequest',
    );
  });
});

describe('the attempt is at fault', () => {
  it.each<[number, unknown, string]>([
    [408, '', 'NodeTimeout'],
    [504, '', 'NodeTimeout'],
    [524, '<html><title>a.example | 524: A timeout occurred</title></html>', 'NodeTimeout'],
    [409, error('conflict'), 'ServerError'],
    [423, '', 'ServerError'],
    [424, error('Request failed during generation: Server error', { type: 'generation' }), 'ServerError'],
    [425, '', 'ServerError'],
    [498, error('Flex tier capacity exceeded, try again later', { type: 'capacity_exceeded' }), 'ServerError'],
    [499, '', 'ServerError'],
    [500, 'panic', 'ServerError'],
    [502, '<html><head><title>502 Bad Gateway</title></head></html>', 'ServerError'],
    [520, '', 'ServerError'],
    [529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'ServerError'],
    [423, { error: 'Locked' }, 'ServerError'],
    [499, error('Client Closed Request', { code: 499 }), 'ServerError'],
    [400, error('upstream request timeout'), 'ServerError'],
    [400, error('Internal server error', { code: '500' }), 'ServerError'],
    [
      400,
      error('Provider returned error', { code: 502, metadata: { raw: 'upstream connect error', provider_name: 'X' } }),
      'ServerError',
    ],
    [
      400,
      error('Provider returned error', {
        code: 400,
        metadata: { raw: '{"error":{"message":"Internal server error","code":500}}' },
      }),
      'ServerError',
    ],
    [
      400,
      error("Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.", {
        type: 'invalid_request_error',
        code: 'json_validate_failed',
        failed_generation: '{"a": insufficient_quota',
      }),
      'InvalidOutput',
    ],
  ])('%i %j is %s', (status, body, code) => {
    expect(verdict(status, body)).toBe(`attempt ${code}`);
  });

  it('but not if the endpoint itself says that the answer was cut off', () => {
    const body = error('max completion tokens reached before generating a valid document', {
      code: 'json_validate_failed',
    });
    expect(verdict(400, body)).toBe('item InvalidOutput');
  });
});

describe('the target is at fault', () => {
  it.each<[string, number, unknown]>([
    [
      'OpenAI, Groq',
      404,
      error('The model `llama3.1-405b` does not exist or you do not have access to it.', {
        type: 'invalid_request_error',
        param: null,
        code: 'model_not_found',
      }),
    ],
    [
      'OpenAI, project',
      403,
      error('Project `proj_x` does not have access to model `gpt-4o`', {
        type: 'invalid_request_error',
        code: 'model_not_found',
      }),
    ],
    [
      'Ollama',
      404,
      error('model "llama2" not found, try pulling it first', { type: 'api_error', param: null, code: null }),
    ],
    ['Ollama, native', 404, { error: "model 'llama2:13b-q4.0' not found" }],
    [
      'LiteLLM',
      400,
      error("400: {'error': 'Invalid model name passed in model=Lite-GPT-12'}", {
        type: 'None',
        param: 'None',
        code: 400,
      }),
    ],
    [
      'LiteLLM, key',
      401,
      error("key not allowed to access model. This key can only access models=['a']. Tried to access b", {
        type: 'key_model_access_denied',
        param: 'model',
        code: '401',
      }),
    ],
    ['OpenRouter, id', 400, error('foo/bar is not a valid model ID', { code: 400 })],
    ['OpenRouter, none', 404, error('No endpoints found for foo/bar.', { code: 404 })],
    [
      'Together',
      400,
      error(
        'Unable to access non-serverless model meta-llama/Llama-3-8b. Please visit https://api.together.ai/models to create and start a new dedicated endpoint for the model.',
        { type: 'invalid_request_error', param: null, code: 'model_not_available' },
      ),
    ],
    [
      'Mistral',
      400,
      { object: 'error', message: 'Invalid model: mistral-huge', type: 'invalid_model', param: null, code: '1500' },
    ],
    [
      'vLLM',
      404,
      { object: 'error', message: 'The model `foo` does not exist.', type: 'NotFoundError', param: null, code: 404 },
    ],
    [
      'DeepSeek',
      400,
      error('Model Not Exist', { type: 'invalid_request_error', param: null, code: 'invalid_request_error' }),
    ],
    [
      'Azure',
      404,
      error(
        'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
        { code: 'DeploymentNotFound' },
      ),
    ],
    [
      'Gemini',
      404,
      [
        error(
          'models/gemini-9 is not found for API version v1main, or is not supported for generateContent. Call ListModels to see the list of available models.',
          { code: 404, status: 'NOT_FOUND' },
        ),
      ],
    ],
    [
      'Groq, old model',
      400,
      error(
        'The model `mixtral-8x7b-32768` has been decommissioned and is no longer supported. Please refer to https://console.groq.com/docs/deprecations',
        { type: 'invalid_request_error', code: 'model_decommissioned' },
      ),
    ],
    ['plain text', 404, 'no such model'],
    [
      'OpenAI, no chat',
      404,
      error(
        'This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?',
        { type: 'invalid_request_error', param: 'model', code: null },
      ),
    ],
    ['Ollama, no chat', 400, error('"nomic-embed-text" does not support chat', { type: 'api_error' })],
    ['Ollama, no chat, old', 500, { error: 'embedding models do not support chat' }],
    [
      'Groq, no chat',
      400,
      error('The model `whisper-large-v3` does not support chat completions', { type: 'invalid_request_error' }),
    ],
    [
      'vLLM, no chat',
      400,
      {
        object: 'error',
        message: 'The model does not support Chat Completions API',
        type: 'BadRequestError',
        code: 400,
      },
    ],
    [
      'OpenRouter, no chat',
      400,
      error(
        'nvidia/llama-nemotron-embed-vl-1b-v2:free is an embedding model and cannot be used with the chat/completions endpoint. Use the /embeddings endpoint instead.',
      ),
    ],
    [
      'Azure, no chat',
      400,
      error(
        'The chatCompletion operation does not work with the specified model, text-embedding-3-large. Please choose different model and try again.',
        { code: 'OperationNotSupported' },
      ),
    ],
  ])('model: %s', (_, status, body) => {
    expect(verdict(status, body)).toBe('target ModelUnavailable');
    expect(verdict(status, body, { attached: 'vision', keyProven: true })).toBe('target ModelUnavailable');
  });

  it.each<[string, number, unknown]>([
    ['OpenRouter', 404, error('No endpoints found that support image input', { code: 404 })],
    [
      'llama.cpp',
      500,
      {
        error: {
          code: 500,
          message: 'image input is not supported - hint: if this is unexpected, you may need to provide the mmproj',
          type: 'server_error',
        },
      },
    ],
    [
      'llama.cpp, older',
      500,
      { error: { code: 500, message: 'image input is not supported by this server', type: 'server_error' } },
    ],
    ['llama.cpp, oldest', 500, "The server was not compiled for multimodal or the model projector can't be loaded."],
    [
      'llama-cpp-python',
      500,
      error('Image input detected, but the loaded model is not configured with a mmproj module.'),
    ],
    [
      'OpenAI, Azure',
      400,
      error('Invalid content type. image_url is only supported by certain models.', {
        type: 'invalid_request_error',
        param: 'messages.[0].content.[1].type',
        code: null,
      }),
    ],
    [
      'DeepSeek',
      400,
      error(
        'Failed to deserialize the JSON body into the target type: messages[0]: unknown variant `image_url`, expected `text` at line 1 column 666600',
        { type: 'invalid_request_error' },
      ),
    ],
    [
      'DeepSeek, older',
      422,
      'Failed to deserialize the JSON body into the target type: messages[0]: invalid type: sequence, expected a string at line 1 column 2901',
    ],
    [
      'DeepSeek, reasoner',
      422,
      'Failed to deserialize the JSON body into the target type: messages[0]: data did not match any variant of untagged enum ChatCompletionRequestContent at line 1 column 286017',
    ],
    [
      'Groq',
      400,
      error(
        "'messages.0' : for 'role:user' the following must be satisfied[('messages.0.content' : value must be a string)] or content must be a string",
      ),
    ],
    ['vLLM', 400, { object: 'error', message: 'At most 0 image(s) may be provided in one request.', code: 400 }],
    ['vLLM, other', 400, error('m is not a multimodal model None', { code: 400 })],
    [
      'Mistral',
      400,
      {
        object: 'error',
        message: 'Image input is not enabled for this model',
        type: 'invalid_request_image',
        code: '3051',
      },
    ],
    [
      'Ollama',
      500,
      error(
        'Failed to create new sequence: failed to process inputs: this model is missing data required for image input',
      ),
    ],
    ['plain', 400, 'model lfm2:24b-a2b does not support vision'],
    ['plain, not a vision model', 400, 'qwen3:8b is not a vision model'],
    ['plain, modality', 400, 'unsupported modality: audio'],
    ['plain, text only', 400, 'this is a text-only model; remove the image'],
    ['plain, images', 422, { detail: 'This model cannot process images.' }],
    ['plain, negated', 400, "Multi-modal content isn't supported"],
    ['not multimodal', 400, 'this is not a multimodal model'],
  ])('modality: %s', (_, status, body) => {
    expect(verdict(status, body, { attached: 'vision' })).toBe('target ModalityRefused');
    expect(verdict(status, body)).not.toContain('ModalityRefused');
  });

  it.each<[string, number, unknown]>([
    [
      'OpenAI',
      400,
      error("Invalid Value: 'file'. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', and 'audio'."),
    ],
    ['Qwen', 400, error("Invalid value: file. Supported values are: 'text','image_url','video_url' and 'video'.")],
    ['vLLM', 400, { object: 'error', message: "Unsupported chat content part type: 'file'. Supported types: text" }],
    ['vLLM, older', 400, { object: 'error', message: 'Unknown part type: file' }],
    [
      'pydantic',
      422,
      { detail: [{ msg: "Input tag 'file' found using 'type' does not match any of the expected tags" }] },
    ],
    ['OpenRouter', 404, error('No endpoints found that support file input')],
    ['plain', 400, 'model lfm2:24b-a2b does not support PDF input'],
    ['plain, documents', 400, 'documents are not supported by this model'],
    ['Dria', 400, 'bad request: model qwen3.5:9b does not support file input'],
  ])('modality, of files: %s', (_, status, body) => {
    expect(verdict(status, body, { attached: 'document' })).toBe('target ModalityRefused');
  });

  it.each<[string, number, unknown]>([
    [
      'its data',
      400,
      error("Invalid file data: 'file_data'. Expected a base64-encoded data URL with an application/pdf MIME type"),
    ],
    ['its pages', 400, error('A maximum of 100 PDF pages may be provided.')],
    ['its size', 400, error('The file is too large. PDF files up to 32 MB are supported.')],
    ['its state', 400, error('The PDF specified was not valid.')],
    ['its password', 400, error('The PDF specified is password protected.')],
  ])('a PDF that is refused for %s is the item’s', (_, status, body) => {
    expect(verdict(status, body, { attached: 'document' })).not.toContain('ModalityRefused');
  });

  it.each<[string, number, unknown]>([
    ['Anthropic', 400, { type: 'error', error: { type: 'invalid_request_error', message: 'Could not process image' } }],
    [
      'OpenAI, format',
      400,
      error(
        "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', 'jpeg', 'gif', 'webp'].",
        { code: 'invalid_image_format' },
      ),
    ],
    [
      'OpenAI, mime',
      400,
      error('Invalid MIME type. Only image types are supported.', { code: 'invalid_image_format' }),
    ],
    ['OpenAI, link', 400, error('Error while downloading https://a.example/b.png.', { code: 'invalid_image_url' })],
    [
      'Gemini',
      400,
      [
        error(
          'Unable to process input image. Please retry or report in https://developers.generativeai.google/guide/troubleshooting',
          { code: 400, status: 'INVALID_ARGUMENT' },
        ),
      ],
    ],
    ['vLLM', 400, error('cannot identify image file <_io.BytesIO object at 0x7f>', { code: 400 })],
    ['too many', 400, 'at most 1 image(s) may be provided in one request'],
    ['too large', 400, 'image too large'],
    ['too large for the model', 400, 'the model does not support images larger than 20 MB'],
    ['bad base64', 400, 'invalid base64 image'],
    ['format', 400, 'unsupported image format'],
    ['link', 400, 'image_url must be an http(s) URL'],
    ['unclear words', 400, 'audio input rejected'],
  ])('is not what refuses one file: %s', (_, status, body) => {
    expect(verdict(status, body, { attached: 'vision', targetProven: true })).toBe('item InvalidRequest');
    expect(verdict(status, body, { attached: 'vision' })).toBe('item InvalidRequest unclear');
  });

  it('but not of a target that has answered such items: then it was one node or provider behind it', () => {
    const body = error('No endpoints found that support image input', { code: 404 });
    expect(verdict(404, body, { attached: 'vision', targetProven: true })).toBe('attempt ServerError');
  });

  it('503 and 429 are its own, whatever router sent them', () => {
    expect(verdict(503, 'no nodes available for model m')).toBe('target NoNodesAvailable');
    expect(verdict(503, { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } })).toBe(
      'target NoNodesAvailable',
    );
    expect(verdict(429, error('m is temporarily rate-limited upstream', { code: 429 }))).toBe('target RateLimited');
    expect(verdict(400, error('Provider returned error', { code: 429 }))).toBe('target RateLimited');
    expect(verdict(500, error('upstream', { code: '503' }))).toBe('target NoNodesAvailable');
  });
});

const GOOGLE_DAY = [
  error('You exceeded your current quota, please check your plan and billing details.', {
    code: 429,
    status: 'RESOURCE_EXHAUSTED',
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
        violations: [
          {
            quotaMetric: 'x/generate_content_free_tier_requests',
            quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier',
          },
        ],
      },
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '36s' },
    ],
  }),
];
const GOOGLE_MINUTE = JSON.parse(JSON.stringify(GOOGLE_DAY).replaceAll('PerDay', 'PerMinute'));

describe('the endpoint is at fault', () => {
  it.each<[string, number, unknown]>([
    ['Dria', 402, 'payment required'],
    [
      'OpenAI',
      429,
      error(
        'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs',
        { type: 'insufficient_quota', param: null, code: 'insufficient_quota' },
      ),
    ],
    [
      'OpenAI, hard limit',
      400,
      error('Billing hard limit has been reached', {
        type: 'invalid_request_error',
        code: 'billing_hard_limit_reached',
      }),
    ],
    [
      'OpenAI, inactive',
      429,
      error('Your account is not active, please check your billing details on our website.', {
        type: 'billing_not_active',
        code: 'billing_not_active',
      }),
    ],
    ['Gemini, a day', 429, GOOGLE_DAY],
    [
      'Anthropic',
      400,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message:
            'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
        },
      },
    ],
    [
      'DeepSeek',
      402,
      error('Insufficient Balance', { type: 'unknown_error', param: null, code: 'invalid_request_error' }),
    ],
    [
      'DeepSeek by LiteLLM',
      400,
      error(
        'litellm.BadRequestError: DeepseekException - {"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}',
      ),
    ],
    [
      'OpenRouter',
      403,
      error('Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys', { code: 403 }),
    ],
    [
      'OpenRouter, free tier',
      429,
      error('Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day', {
        code: 429,
      }),
    ],
    [
      'xAI',
      403,
      {
        code: 'The caller does not have permission',
        error: 'Your team has either used all available credits or reached its monthly spending limit.',
      },
    ],
    [
      'LiteLLM',
      400,
      error('Budget has been exceeded! Current cost: 1.2, Max budget: 1.0', { type: 'budget_exceeded', code: '400' }),
    ],
    [
      'opencode',
      401,
      { type: 'error', error: { type: 'CreditsError', message: 'Insufficient balance. Manage your billing here' } },
    ],
    ['Alibaba', 400, error('Access denied, please make sure your account is in good standing.', { code: 'Arrearage' })],
    ['inside a 200', 200, { error: 'no credits', status: 402 }],
  ])('money: %s', (_, status, body) => {
    expect(verdict(status, body, { keyProven: true })).toBe('endpoint PaymentRequired');
  });

  it('but a limit that passes in minutes or hours, and says so, is a rate limit', () => {
    expect(verdict(429, GOOGLE_MINUTE)).toBe('target RateLimited');
    const groq = error(
      'Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_x` service tier `on_demand` on tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing',
      { type: 'tokens', code: 'rate_limit_exceeded' },
    );
    expect(verdict(429, groq)).toBe('target RateLimited');
  });

  it.each<[string, number, unknown]>([
    ['Dria', 401, 'invalid key'],
    [
      'OpenAI',
      401,
      error('Incorrect API key provided: sk-x.', { type: 'invalid_request_error', code: 'invalid_api_key' }),
    ],
    [
      'Gemini',
      400,
      [
        error('API key not valid. Please pass a valid API key.', {
          code: 400,
          status: 'INVALID_ARGUMENT',
          details: [{ reason: 'API_KEY_INVALID' }],
        }),
      ],
    ],
    [
      'LiteLLM without a database',
      400,
      error('No connected db.', { type: 'no_db_connection', param: null, code: '400' }),
    ],
    [
      'xAI',
      400,
      {
        code: 'Client specified an invalid argument',
        error: 'Incorrect API key provided: xa***ey. You can obtain an API key from https://console.x.ai.',
      },
    ],
    [
      'a country',
      403,
      error('Country, region, or territory not supported', { code: 'unsupported_country_region_territory' }),
    ],
    ['inside a 200', 200, error('no', { code: 401 })],
  ])('key: %s', (_, status, body) => {
    expect(verdict(status, body, { keyProven: true })).toBe('endpoint Unauthorized');
  });

  it.each<[string, number, unknown]>([
    ['a redirect', 302, ''],
    ['a proxy that wants a login', 407, ''],
    ['a network that wants a login', 511, '<html></html>'],
    ['Cloudflare, origin down', 522, '<html><title>522: Connection timed out</title></html>'],
    ['an ingress', 404, 'default backend - 404'],
    ['a web server', 404, '<html><title>404 Not Found</title></html>'],
    ['FastAPI', 404, { detail: 'Not Found' }],
    ['Express', 404, 'Cannot POST /chat/completions'],
    ['Go', 404, '404 page not found'],
    ['OpenAI', 404, error('Invalid URL (POST /chat/completions)', { type: 'invalid_request_error' })],
    ['Spring', 405, { status: 405, error: 'Method Not Allowed', path: '/chat/completions' }],
    ['nothing', 404, ''],
  ])('not there: %s', (_, status, body) => {
    expect(verdict(status, body)).toBe('endpoint EndpointUnavailable');
  });
});

describe('our request is at fault', () => {
  it.each<[string, number, unknown, string]>([
    [
      'OpenAI, older',
      400,
      error('Unrecognized request argument supplied: timeout_secs', {
        type: 'invalid_request_error',
        param: null,
        code: null,
      }),
      'timeout_secs',
    ],
    [
      'OpenAI',
      400,
      error("Unknown parameter: 'timeout_secs'.", { param: 'timeout_secs', code: 'unknown_parameter' }),
      'timeout_secs',
    ],
    [
      'Mistral',
      422,
      {
        object: 'error',
        message: {
          detail: [
            {
              type: 'extra_forbidden',
              loc: ['body', 'timeout_secs'],
              msg: 'Extra inputs are not permitted',
              input: 120,
            },
          ],
        },
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
      'timeout_secs',
    ],
    [
      'Mistral, older',
      422,
      {
        object: 'error',
        message:
          '{"detail":[{"type":"extra_forbidden","loc":["body","timeout_secs"],"msg":"Extra inputs are not permitted","input":120}]}',
        type: 'internal_error_proxy',
        code: '1000',
      },
      'timeout_secs',
    ],
    ['Groq', 400, error("property 'timeout_secs' is unsupported", { type: 'invalid_request_error' }), 'timeout_secs'],
    [
      'Gemini',
      400,
      [
        error('Invalid JSON payload received. Unknown name "timeout_secs": Cannot find field.', {
          code: 400,
          status: 'INVALID_ARGUMENT',
        }),
      ],
      'timeout_secs',
    ],
    [
      'serde',
      422,
      'Failed to deserialize the JSON body: unknown field `timeout_secs`, expected one of `model`, `messages`',
      'timeout_secs',
    ],
    ['ajv', 400, "Additional properties are not allowed ('timeout_secs' was unexpected)", 'timeout_secs'],
    ['Python', 500, "create() got an unexpected keyword argument 'timeout_secs'", 'timeout_secs'],
    [
      'OpenAI, o1',
      400,
      error(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        { type: 'invalid_request_error', param: 'max_tokens', code: 'unsupported_parameter' },
      ),
      'max_tokens',
    ],
    [
      'Copilot',
      400,
      error(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        { code: 'invalid_request_body' },
      ),
      'max_tokens',
    ],
    [
      'OpenAI, gpt-5',
      400,
      error(
        "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported.",
        { type: 'invalid_request_error', param: 'temperature', code: 'unsupported_value' },
      ),
      'temperature',
    ],
    [
      'LiteLLM',
      400,
      error(
        "litellm.UnsupportedParamsError: gpt-5 models (including gpt-5-codex) don't support temperature=0.7. Only temperature=1 is supported.",
        { code: '400' },
      ),
      'temperature',
    ],
    [
      'LiteLLM, Azure',
      400,
      error(
        'litellm.BadRequestError: AzureException BadRequestError - {\n "error": {\n "message": "Unsupported parameter: \'temperature\' is not supported with this model.", "type": "invalid_request_error", "param": "temperature", "code": null } }. Received Model Group=azure/o3-mini',
        { type: null, code: '400' },
      ),
      'temperature',
    ],
    [
      'Bedrock',
      400,
      { message: "This model doesn't support the temperature field. Remove temperature and try again." },
      'temperature',
    ],
    [
      'Anthropic',
      400,
      error('`temperature` is deprecated for this model.', { type: 'invalid_request_error' }),
      'temperature',
    ],
    [
      'Moonshot',
      400,
      error('invalid temperature: only 1 is allowed for this model', { type: 'invalid_request_error' }),
      'temperature',
    ],
    ['xAI', 400, 'Argument not supported on this model: temperature', 'temperature'],
    [
      'OpenAI, strict',
      400,
      error(
        "Invalid schema for response_format 'answer': In context=(), 'additionalProperties' is required to be supplied and to be false.",
        { type: 'invalid_request_error', param: 'response_format', code: null },
      ),
      'response_format',
    ],
    [
      'OpenRouter, strict',
      400,
      error('Provider returned error', {
        code: 400,
        metadata: {
          raw: '{\n "error": {\n "message": "Invalid schema for response_format \'answer\': In context=(), \'required\' is required to be supplied and to be an array including every key in properties. Missing \'message\'.", "type": "invalid_request_error", "param": "response_format", "code": null } }',
          provider_name: 'Azure',
        },
      }),
      'response_format',
    ],
    [
      'Groq, strict',
      400,
      error(
        "invalid JSON schema for response_format: 'answer': `additionalProperties:false` must be set on every object",
      ),
      'response_format',
    ],
    [
      'OpenAI, old model',
      400,
      error("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.", {
        param: 'response_format',
        code: null,
      }),
      'response_format',
    ],
    [
      'Groq, model',
      400,
      error(
        'This model does not support response format `json_schema`. See supported models at https://console.groq.com/docs/structured-outputs',
      ),
      'response_format',
    ],
    [
      'DeepSeek',
      400,
      error('This response_format type is unavailable now', { type: 'invalid_request_error' }),
      'response_format',
    ],
    ['LM Studio', 400, { error: "'response_format.type' must be 'json_schema' or 'text'" }, 'response_format'],
    ['Anthropic', 400, error('compiled grammar is too large'), 'response_format'],
    [
      'vLLM',
      400,
      error('The provided JSON schema contains features not supported by xgrammar.', { code: 400 }),
      'response_format',
    ],
    [
      'Gemini',
      400,
      [
        error('The specified schema produces a constraint that has too many states for serving.', {
          code: 400,
          status: 'INVALID_ARGUMENT',
        }),
      ],
      'response_format',
    ],
    [
      'OpenRouter, parameters',
      404,
      error('No endpoints found that can handle the requested parameters.', { code: 404 }),
      'response_format',
    ],
  ])('%s', (_, status, body, field) => {
    expect(verdict(status, body)).toBe(`request RequestRefused ${field}`);
  });

  it('only for what was sent', () => {
    const body = error('Unrecognized request argument supplied: timeout_secs');
    expect(verdict(400, body, { sentFields: ['max_tokens', 'temperature'] })).toBe('item InvalidRequest');
  });
});

describe('other words for the same', () => {
  const anthropic = (message: string) => ({ type: 'error', error: { type: 'invalid_request_error', message } });

  it.each<[string, number, unknown, string]>([
    [
      'Bedrock, an empty text',
      400,
      error('ValidationException: messages: text content blocks must be non-empty'),
      'item InvalidRequest',
    ],
    [
      'Anthropic, max_tokens above the model',
      400,
      anthropic('max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for this model'),
      'item InvalidRequest',
    ],
    [
      'Alibaba, max_tokens above the model',
      400,
      error('<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]'),
      'item InvalidRequest',
    ],
    [
      'TGI, a temperature of 0',
      422,
      { error: 'Input validation error: `temperature` must be strictly positive', error_type: 'validation' },
      'item InvalidRequest',
    ],
    [
      'OpenAI, no room for an answer',
      400,
      error(
        'Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.',
      ),
      'item InvalidRequest',
    ],
    ['a router, upstream', 400, error('upstream request failed', { type: 'upstream_error' }), 'attempt ServerError'],
    ['Bedrock, model', 400, { message: 'The provided model identifier is invalid.' }, 'target ModelUnavailable'],
    [
      'Kiro, model',
      400,
      { message: 'Invalid model. Please select a different model to continue.', reason: 'INVALID_MODEL_ID' },
      'target ModelUnavailable',
    ],
    [
      'Codex, model',
      400,
      {
        type: 'error',
        status: 400,
        error: {
          type: 'invalid_request_error',
          message: "The 'gpt-5' model is not supported when using Codex with a ChatGPT account.",
        },
      },
      'target ModelUnavailable',
    ],
    [
      'Hugging Face, model',
      400,
      error("The requested model 'a/b' is not supported by any provider you have enabled.", {
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_supported',
      }),
      'target ModelUnavailable',
    ],
    [
      'Fireworks, model',
      404,
      error('Model not found, inaccessible, and/or not deployed', {
        object: 'error',
        type: 'invalid_request_error',
        code: 'NOT_FOUND',
      }),
      'target ModelUnavailable',
    ],
    [
      'NVIDIA, model',
      404,
      { status: 404, title: 'Not Found', detail: "Function 'f1': Not found for account 'a1'" },
      'target ModelUnavailable',
    ],
    ['Azure, path', 404, error('Resource not found', { code: '404' }), 'endpoint EndpointUnavailable'],
    ['Hugging Face, money', 403, { error: 'NOT_ENOUGH_BALANCE' }, 'endpoint PaymentRequired'],
    ['Zhipu, money', 429, error('余额不足或无可用资源包,请充值。', { code: '1113' }), 'endpoint PaymentRequired'],
    [
      'Moonshot, money',
      429,
      error('Your account org-x is suspended, please check your plan and billing details', {
        type: 'exceeded_current_quota_error',
      }),
      'endpoint PaymentRequired',
    ],
    [
      'Venice, money',
      402,
      { error: 'Insufficient USD or Diem balance to complete request.' },
      'endpoint PaymentRequired',
    ],
    [
      'Cerebras, field',
      400,
      {
        message: "timeout_secs: property 'timeout_secs' is unsupported",
        type: 'invalid_request_error',
        param: 'validation_error',
        code: 'wrong_api_format',
      },
      'request RequestRefused timeout_secs',
    ],
    [
      'Azure AI, field',
      400,
      error("Extra parameters ['timeout_secs'] are not allowed when extra-parameters is not set or set to be 'error'."),
      'request RequestRefused timeout_secs',
    ],
    ['a proxy, field', 400, { detail: 'Unsupported parameter: max_tokens' }, 'request RequestRefused max_tokens'],
    [
      '9router, field',
      400,
      error(
        "[openai/gpt-5.4] [400]: Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead. (reset after 23s)",
      ),
      'request RequestRefused max_tokens',
    ],
    [
      'a reasoning model, field',
      400,
      error('You cannot set temperature for reasoning models'),
      'request RequestRefused temperature',
    ],
    [
      'LM Studio, schema',
      400,
      { error: "'response_format.json_schema.schema' must be an object" },
      'request RequestRefused response_format',
    ],
    [
      'Alibaba, schema',
      400,
      error('json mode response is not supported when enable_thinking is true'),
      'request RequestRefused response_format',
    ],
    ['a gateway, words about nothing', 400, error('tenant acme-7 is not onboarded'), 'item InvalidRequest'],
    ['a proxy, words about nothing', 415, 'Unsupported Media Type', 'item InvalidRequest'],
    [
      'FastAPI, a temperature above the maximum',
      422,
      { detail: [{ loc: ['body', 'temperature'], msg: 'ensure this value is less than or equal to 0.5' }] },
      'item InvalidRequest',
    ],
    ['a router, no chat', 400, { error: 'this is an embedding model' }, 'target ModelUnavailable'],
    [
      'Anthropic, money',
      400,
      anthropic('Your credit balance is too low to access the API.'),
      'endpoint PaymentRequired',
    ],
    [
      'Mistral, field in a message that is an object',
      422,
      { message: { detail: [{ type: 'extra_forbidden', loc: ['body', 'timeout_secs'], msg: 'Extra inputs' }] } },
      'request RequestRefused timeout_secs',
    ],
    [
      'a proxy, field before the words',
      400,
      { message: 'timeout_secs: property is not allowed' },
      'request RequestRefused timeout_secs',
    ],
    [
      'a router, fields in a list',
      400,
      error("Model does not support parameters: ['temperature']"),
      'request RequestRefused temperature',
    ],
    [
      'LM Studio, other types',
      400,
      error("'response_format.type' must be 'json_object' or 'text'"),
      'request RequestRefused response_format',
    ],
  ])('%s', (_, status, body, expected) => {
    expect(verdict(status, body)).toBe(expected);
  });

  it.each<[string, number, unknown, string]>([
    [
      'LM Studio',
      400,
      { error: 'Model does not support images. Please use a model that does.' },
      'target ModalityRefused',
    ],
    [
      'a provider',
      500,
      "configured vision_model_provider 'nvidia' does not support vision input",
      'target ModalityRefused',
    ],
    ['Fireworks', 400, error('accounts/fireworks/models/x does not support image inputs'), 'target ModalityRefused'],
    ['Mistral, sound', 400, { message: 'Audio input is not enabled for this model' }, 'target ModalityRefused'],
    [
      'Anthropic, size',
      400,
      anthropic('messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 6500712 bytes > 5242880 bytes'),
      'item InvalidRequest unclear',
    ],
    [
      'Anthropic, type',
      400,
      anthropic(
        'messages.0.content.1.image.source.base64.data: Image does not match the provided media type image/png',
      ),
      'item InvalidRequest unclear',
    ],
    ['Azure, data', 400, error('Invalid image (base64) data.'), 'item InvalidRequest unclear'],
    ['Qwen, format', 400, error('The image format is illegal and cannot be opened'), 'item InvalidRequest unclear'],
    [
      'Qwen, size',
      400,
      error(
        'The image length and width do not meet the model restrictions. [height:1 or width:1 must be larger than 10]',
      ),
      'item InvalidRequest unclear',
    ],
    ['one image', 400, 'this image is not supported, please use another one', 'item InvalidRequest unclear'],
    ['vLLM, data', 422, { detail: 'cannot identify image file <_io.BytesIO>' }, 'item InvalidRequest unclear'],
    ['a 415', 415, 'unsupported image format: image/tiff', 'item InvalidRequest unclear'],
    [
      'OpenAI, data',
      400,
      error('The image data you provided does not represent a valid image.', { code: 'invalid_image' }),
      'item InvalidRequest unclear',
    ],
    ['a 501', 501, { detail: 'Multimodal input is not enabled for this model' }, 'target ModalityRefused'],
    ['a 422', 422, { error: 'This model is text only' }, 'target ModalityRefused'],
    ['no access to it', 400, 'Access to the image is not allowed', 'item InvalidRequest unclear'],
    ['moderation of what it shows', 400, error('image not allowed by our content policy'), 'item InvalidRequest'],
    [
      'a prompt that is too long beside it',
      400,
      error('Your input exceeds the context window of this model', { code: 'context_length_exceeded' }),
      'item InvalidRequest',
    ],
  ])('with an image: %s', (_, status, body, expected) => {
    expect(verdict(status, body, { attached: 'vision' })).toBe(expected);
  });
});

it('a 402 that names a wait is one: what is in flight may have reserved the credits that are left', () => {
  const reserved = error('Insufficient credits', { code: 402, metadata: { limit_source: 'in_flight_budget' } });
  expect(verdict(402, reserved, {}, { 'retry-after': '4' })).toBe('target RateLimited');
  expect(verdict(402, reserved, {}, {})).toBe('endpoint PaymentRequired');
  expect(verdict(402, reserved, {}, { 'retry-after': '999999999' })).toBe('endpoint PaymentRequired');
});
