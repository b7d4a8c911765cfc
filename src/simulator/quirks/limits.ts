import { Credits } from '../limits.js';
import type { StatusResponse } from '../responses.js';
import { jsonRefusal } from '../responses.js';
import type { Quirk } from './quirk.js';
import { requestError } from './requests.js';
import { readChoice, readNumber, readPair } from './values.js';

/** Quirks of accounts, of limits and of servers that come and go. */

const LOADING_RETRY_SECS = 60;

const QUOTA_BODIES = {
  openai: {
    error: {
      message: 'You exceeded your current quota, please check your plan and billing details.',
      type: 'insufficient_quota',
      param: null,
      code: 'insufficient_quota',
    },
  },
  google: {
    error: {
      code: 429,
      message: 'You exceeded your current quota, please check your plan and billing details.',
      status: 'RESOURCE_EXHAUSTED',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
          violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier', quotaValue: '20' }],
        },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '38s' },
      ],
    },
  },
} as const;
const QUOTA_SHAPES = ['openai', 'google', 'array'] as const;

export const quota: Quirk = {
  name: 'quota',
  value: 'n[,openai|google|array]',
  help: 'After n (20) answers 429 insufficient_quota.',
  start: (value, context) => {
    const [answers, shapeName] = readPair(value);
    const shape = readChoice(shapeName, QUOTA_SHAPES, context);
    const credits = new Credits(readNumber(answers, 20));
    return {
      // Providers that have such quotas have no balance to ask for.
      ...noBalance.start(undefined, context),
      refuse: (_asked, onEnd) => {
        if (!credits.reserve())
          return jsonRefusal(429, shape === 'array' ? [QUOTA_BODIES.google] : QUOTA_BODIES[shape]);
        onEnd((answered) => {
          if (!answered) credits.add(1);
        });
        return undefined;
      },
      topUp: (add) => credits.add(add),
    };
  },
};

export const restrictedKey: Quirk = {
  name: 'restricted-key',
  value: 'models|balance',
  help: 'The models list, the balance or both answer 403.',
  start: (value, context) => {
    const restricted = value === undefined ? undefined : readChoice(value, ['models', 'balance'], context);
    return {
      account: (page) => {
        if (restricted !== undefined && restricted !== page) return undefined;
        const scope = page === 'models' ? 'api.model.read' : 'api.usage.read';
        const message = `You have insufficient permissions for this operation. Missing scopes: ${scope}. Check that you have the correct role in your organization, and if you're using a restricted API key, that it has the necessary scopes.`;
        return jsonRefusal(403, requestError(message, null, 'missing_scope'));
      },
    };
  },
};

export const noBalance: Quirk = {
  name: 'no-balance',
  help: 'The balance answers 404, as with most providers.',
  start: () => ({
    account: (page) =>
      page === 'balance' ? jsonRefusal(404, requestError('Invalid URL (GET /v1/credits/balance)')) : undefined,
  }),
};

export const away: Quirk = {
  name: 'away',
  value: 's[,from]',
  help: 'Refuses connections for s (20), from second 5 on.',
  start: (value) => {
    const [seconds, from] = readPair(value);
    const startMs = readNumber(from, 5) * 1000;
    return { downtime: { startMs, endMs: startMs + readNumber(seconds, 20) * 1000 } };
  },
};

export const loading: Quirk = {
  name: 'loading',
  value: 's[,llama|huggingface]',
  help: '503 for s (90) after the first request.',
  start: (value, context) => {
    const [seconds, shapeName] = readPair(value);
    const shape = readChoice(shapeName, ['llama', 'huggingface'], context);
    const remaining = countdown(readNumber(seconds, 90));
    return {
      refuse: ({ request: { model } }) => {
        const left = remaining();
        if (left <= 0) return undefined;
        const headers = { 'retry-after': String(Math.min(LOADING_RETRY_SECS, Math.ceil(left))) };
        if (shape === 'llama') {
          const error = { code: 503, message: 'Loading model', type: 'unavailable_error' };
          return jsonRefusal(503, { error }, headers);
        }
        return jsonRefusal(503, { error: `Model ${model} is currently loading`, estimated_time: left }, headers);
      },
    };
  },
};

export const longRetryAfter: Quirk = {
  name: 'long-retry-after',
  value: 's[,seconds|ms|reset]',
  help: '429 for s (900) after the first request.',
  start: (value, context) => {
    const [seconds, formName] = readPair(value);
    const form = readChoice(formName, ['seconds', 'ms', 'reset'], context);
    const remaining = countdown(readNumber(seconds, 900));
    return {
      refuse: () => {
        const left = remaining();
        if (left <= 0) return undefined;
        return waitRefusal(form, left);
      },
    };
  },
};

function waitRefusal(form: 'seconds' | 'ms' | 'reset', left: number): StatusResponse {
  const error = {
    message: 'Rate limit reached for requests',
    type: 'requests',
    param: null,
    code: 'rate_limit_exceeded',
  };
  const headers = {
    seconds: { 'retry-after': String(Math.ceil(left)) },
    ms: { 'retry-after-ms': String(Math.ceil(left * 1000)) },
    reset: { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': goDuration(left) },
  };
  return jsonRefusal(429, { error }, headers[form]);
}

/** Formats seconds as OpenAI does: `6m0s`, `1.5s`. */
function goDuration(seconds: number): string {
  const tenths = Math.ceil(seconds * 10);
  const minutes = Math.floor(tenths / 600);
  const rest = `${(tenths % 600) / 10}s`;
  if (minutes === 0) return rest;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${rest}` : `${hours}h${minutes % 60}m${rest}`;
}

/** Returns a function for the seconds that are left, counted from its first call. */
function countdown(seconds: number): () => number {
  let end: number | undefined;
  return () => {
    end ??= performance.now() + seconds * 1000;
    return (end - performance.now()) / 1000;
  };
}
