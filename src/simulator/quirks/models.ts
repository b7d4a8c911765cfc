import { jsonRefusal } from '../responses.js';
import type { Quirk } from './quirk.js';
import { requestError } from './requests.js';
import { pick, readChoice, readNumber } from './values.js';

/** Quirks of single models and of the models list. */

export const limitedModel: Quirk = {
  name: 'limited-model',
  value: 's',
  oneModel: true,
  help: 'A model answers 429 with Retry-After s (30) only.',
  start: (value) => {
    const seconds = readNumber(value, 30);
    return {
      refuse: ({ request: { model } }) => {
        const message = `Rate limit reached for model \`${model}\` on requests per minute (RPM). Please try again in ${seconds}s.`;
        const error = { message, type: 'requests', code: 'rate_limit_exceeded' };
        return jsonRefusal(429, { error }, { 'retry-after': String(seconds) });
      },
    };
  },
};

export const unlistedModel: Quirk = {
  name: 'unlisted-model',
  oneModel: true,
  help: 'A model is not in the list; chat with it works.',
  start: (_value, { isAbout }) => ({ list: (entries) => entries.filter(({ id }) => !isAbout(id)) }),
};

const RUBBISH = ['html', 'empty-object', 'error-object'] as const;

export const brokenModel: Quirk = {
  name: 'broken-model',
  value: '500|hang|rubbish',
  oneModel: true,
  help: 'A model fails with 500, hangs or answers rubbish.',
  start: (value = '500', context) => {
    const mode = readChoice(value, ['500', 'hang', 'rubbish'], context);
    const error = { message: 'EngineCore encountered an issue.', type: 'InternalServerError', code: 500 };
    return {
      refuse: ({ question }) => {
        if (mode === '500') return jsonRefusal(500, { error });
        return { kind: mode === 'hang' ? 'hang' : pick(RUBBISH, 'broken-model', question.content) };
      },
    };
  },
};

/** Ids of models that are in many lists and do not chat; the last one shows it neither by its name nor by a type. */
const NON_CHAT_MODELS = [
  { id: 'text-embedding-3-small' },
  { id: 'whisper-1' },
  { id: 'tts-1' },
  { id: 'bge-m3', type: 'embedding' },
  { id: 'babbage-002' },
] as const;

export const nonChatModels: Quirk = {
  name: 'non-chat-models',
  help: 'The list has models that cannot chat: 400 or 404.',
  start: () => ({
    list: (entries) => [...entries, ...NON_CHAT_MODELS.map((model) => ({ ...entries[0], ...model }))],
    refuse: ({ request: { model } }) => {
      if (!NON_CHAT_MODELS.some(({ id }) => id === model)) return undefined;
      return pick(
        [
          jsonRefusal(
            404,
            requestError(
              'This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?',
              'model',
            ),
          ),
          jsonRefusal(400, {
            error: { message: `"${model}" does not support chat`, type: 'api_error', param: null, code: null },
          }),
          jsonRefusal(400, requestError(`The model \`${model}\` does not support chat completions`)),
        ],
        'non-chat-models',
        model,
      );
    },
  }),
};

export const noNodeCounts: Quirk = {
  name: 'no-node-counts',
  help: 'The models list has nothing but ids, as most have.',
  start: () => ({
    list: (entries) => entries.map(({ id }) => ({ id, object: 'model', created: 0, owned_by: 'simulated' })),
  }),
};
