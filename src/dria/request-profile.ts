import type { ApiName } from '../batch/api.js';
import type { ChatMessage } from '../batch/items.js';
import type { OptionField, RequestForm } from '../batch/request-form.js';
import type { ChatRequest } from './chat-request.js';
import { isObject } from './json.js';

/** A field of the request that an endpoint may refuse, so that it is sent in another form or left out. */
export type RequestField = OptionField | 'system';

/** How the answer's schema is sent, from the strongest form to the weakest. The answer is checked here in every form. */
export type SchemaForm = 'strict' | 'loose' | 'object' | 'prompt';

/** What a target takes: the form of a request to it. */
export interface RequestProfile {
  /** Dria's own field for the time that an answer may take. */
  readonly sendsTimeout: boolean;
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens' | 'max_output_tokens' | undefined;
  readonly sendsTemperature: boolean;
  readonly schemaForm: SchemaForm;
  /** The system message is sent as the beginning of the prompt: chat templates of some models have no place for one. */
  readonly joinsSystem?: true;
}

/** What was learnt about a target, as one sentence. */
export interface Lesson {
  readonly target: string;
  readonly text: string;
}

const WEAKER: Readonly<Record<SchemaForm, SchemaForm | undefined>> = {
  strict: 'loose',
  loose: 'object',
  object: 'prompt',
  prompt: undefined,
};

const FORM_WORDS: Readonly<Record<SchemaForm, string>> = {
  strict: 'with strict: true',
  loose: 'with strict: false',
  object: 'as json_object, with the schema in the prompt',
  prompt: 'in the prompt',
};

/** Names of the field that bounds an answer. */
const TOKEN_FIELDS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'] as const;

/** Returns a target's profile without the fields that the run leaves out, or fills by itself. */
export function profileFor(profile: RequestProfile, { body = {}, omit = [] }: RequestForm): RequestProfile {
  const isOurs = (field: OptionField): boolean => !omit.includes(field) && !(field in body);
  const { sendsTimeout, maxTokensField, sendsTemperature, schemaForm } = profile;
  const limitsTokens = TOKEN_FIELDS.every(isOurs);
  // `/v1/responses` has the schema in a field that may have other things.
  const { text } = body;
  const hasFormat = isObject(text) && text.format !== undefined;
  return {
    ...profile,
    sendsTimeout: sendsTimeout && isOurs('timeout_secs'),
    sendsTemperature: sendsTemperature && isOurs('temperature'),
    maxTokensField: limitsTokens ? maxTokensField : undefined,
    schemaForm: isOurs('response_format') && !hasFormat ? schemaForm : 'prompt',
  };
}

/** Returns true for a message that says how to answer, and is no part of the conversation. */
export function isSystem({ role }: ChatMessage): boolean {
  return role === 'system' || role === 'developer';
}

/** The parts of a request that not every request has. */
type OptionalParts = Pick<ChatRequest, 'schema' | 'system' | 'messages'>;

/** Returns the optional fields that a request in this form has. */
export function sentFields(profile: RequestProfile, { schema, system, messages = [] }: OptionalParts): RequestField[] {
  const { sendsTimeout, maxTokensField, sendsTemperature, schemaForm } = profile;
  return [
    ...(sendsTimeout ? (['timeout_secs'] as const) : []),
    ...(maxTokensField === undefined ? [] : [maxTokensField]),
    ...(sendsTemperature ? (['temperature'] as const) : []),
    ...(schema !== undefined && schemaForm !== 'prompt' ? (['response_format'] as const) : []),
    ...((system !== undefined || messages.some(isSystem)) && profile.joinsSystem !== true ? (['system'] as const) : []),
  ];
}

/** Returns the profile without what was refused, and the sentence that says so; undefined if nothing can be dropped. */
function withoutField(
  profile: RequestProfile,
  field: RequestField,
): { readonly profile: RequestProfile; readonly text: string } | undefined {
  const leftOut = `the endpoint refuses ${field}; it is left out`;
  switch (field) {
    case 'timeout_secs':
      return profile.sendsTimeout ? { profile: { ...profile, sendsTimeout: false }, text: leftOut } : undefined;
    case 'temperature':
      return profile.sendsTemperature ? { profile: { ...profile, sendsTemperature: false }, text: leftOut } : undefined;
    case 'max_tokens':
    case 'max_completion_tokens':
    case 'max_output_tokens':
      return withoutMaxTokens(profile, field, leftOut);
    case 'system':
      return withJoinedSystem(profile);
    case 'response_format':
      return withWeakerSchema(profile);
  }
}

function withoutMaxTokens(profile: RequestProfile, field: RequestField, leftOut: string) {
  if (profile.maxTokensField !== field) return undefined;
  if (field !== 'max_tokens') return { profile: { ...profile, maxTokensField: undefined }, text: leftOut };
  const next = 'max_completion_tokens' as const;
  return {
    profile: { ...profile, maxTokensField: next },
    text: `the endpoint refuses max_tokens; it is sent as ${next}`,
  };
}

function withJoinedSystem(profile: RequestProfile) {
  if (profile.joinsSystem === true) return undefined;
  const text = 'the endpoint refuses a system message; its text is sent at the beginning of the prompt';
  return { profile: { ...profile, joinsSystem: true as const }, text };
}

function withWeakerSchema(profile: RequestProfile) {
  const { schemaForm } = profile;
  const weaker = WEAKER[schemaForm];
  if (weaker === undefined) return undefined;
  const text = `the endpoint refuses the schema ${FORM_WORDS[schemaForm]}; it is sent ${FORM_WORDS[weaker]}`;
  return { profile: { ...profile, schemaForm: weaker }, text };
}

/** What each path has of the fields that a target may refuse. */
const FIRST: Readonly<Record<ApiName, Omit<RequestProfile, 'sendsTimeout'>>> = {
  chat: { maxTokensField: 'max_tokens', sendsTemperature: true, schemaForm: 'strict' },
  responses: { maxTokensField: 'max_output_tokens', sendsTemperature: true, schemaForm: 'strict' },
  completions: { maxTokensField: 'max_tokens', sendsTemperature: true, schemaForm: 'prompt', joinsSystem: true },
  embeddings: { maxTokensField: undefined, sendsTemperature: false, schemaForm: 'prompt' },
};

/** The profiles of an endpoint's targets, as far as they are known in this process. */
export class RequestProfiles {
  readonly #first: Readonly<Record<ApiName, RequestProfile>>;
  /** By path and target: what one path refuses, another may take. */
  readonly #profiles = new Map<string, RequestProfile>();
  readonly #lessons: Lesson[] = [];
  readonly #uncounted = new Set<string>();
  readonly #mostInputs = new Map<string, number>();

  /** `sendsTimeout`: the endpoint is Dria's own, which has a field for it. */
  constructor(sendsTimeout: boolean) {
    const { chat, responses, completions, embeddings } = FIRST;
    this.#first = {
      chat: { sendsTimeout, ...chat },
      responses: { sendsTimeout, ...responses },
      completions: { sendsTimeout, ...completions },
      embeddings: { sendsTimeout, ...embeddings },
    };
  }

  /** What was learnt so far, in the order of learning. */
  get lessons(): readonly Lesson[] {
    return this.#lessons;
  }

  of(target: string, api: ApiName = 'chat'): RequestProfile {
    return this.#profiles.get(`${api} ${target}`) ?? this.#first[api];
  }

  /**
   * Learns that the target refused `field` in a request that was sent in the form `sent`. Returns the profile to send it
   * with again; undefined if nothing can be dropped. Requests that were under way at the same time meet the same refusal:
   * they get the new profile, and it is no second lesson.
   */
  learn(target: string, sent: RequestProfile, field: RequestField, api: ApiName = 'chat'): RequestProfile | undefined {
    const known = this.of(target, api);
    if (known !== sent) return known;
    const lesson = withoutField(known, field);
    if (lesson === undefined) return undefined;
    this.#profiles.set(`${api} ${target}`, lesson.profile);
    this.#lessons.push({ target, text: `${target}: ${lesson.text}` });
    return lesson.profile;
  }

  /** Returns the most inputs that a target is known to take in a request for embeddings; undefined if nothing is known. */
  mostInputs(target: string): number | undefined {
    return this.#mostInputs.get(target);
  }

  /** Learns that a target has refused so many inputs together, and taken them in two halves. */
  learnInputs(target: string, refused: number): void {
    const most = Math.ceil(refused / 2);
    if (most >= (this.mostInputs(target) ?? refused)) return;
    this.#mostInputs.set(target, most);
    const text = `the endpoint refuses ${refused} inputs in a request; ${most} are sent at most`;
    this.#lessons.push({ target, text: `${target}: ${text}` });
  }

  /** Learns that the target counts no tokens. */
  learnUncounted(target: string): void {
    if (this.#uncounted.has(target)) return;
    this.#uncounted.add(target);
    const text = 'the endpoint counts no tokens; they are estimated from the lengths of prompts and answers';
    this.#lessons.push({ target, text: `${target}: ${text}` });
  }
}
