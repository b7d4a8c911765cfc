import type { ApiName } from '../batch/api.js';
import { oneLineJson } from '../batch/json-line.js';
import type { AnswerFacts } from '../batch/part-facts.js';
import { elementsOf, type RawJson } from './raw-json.js';

/** An answer of an output line. */
export interface Answer {
  /** Its fields. */
  readonly fields: ReadonlyMap<string, RawJson>;
  /** Names it among all runs. */
  readonly name: string;
  /** What is known of it beside its line. */
  readonly facts: AnswerFacts | undefined;
}

/** Returns an answer as the endpoint's own body has it. */
export function answerBody(api: ApiName, answer: Answer): RawJson {
  return BODIES[api](answer);
}

const BODIES: Readonly<Record<ApiName, (answer: Answer) => RawJson>> = { chat, responses, completions, embeddings };

/** Fields of output lines that bodies have in their own place, by path; others are left at the end of a result line. */
const MAPPED = 'id model output parsed error tokens prompt_tokens completion_tokens finish_reason'.split(' ');
export const MAPPED_FIELDS: Readonly<Record<ApiName, ReadonlySet<string>>> = {
  chat: new Set(MAPPED),
  responses: new Set([...MAPPED, 'tool_calls']),
  completions: new Set(MAPPED),
  embeddings: new Set([...MAPPED, 'embedding', 'embeddings']),
};

function chat(answer: Answer): RawJson {
  const { fields, name } = answer;
  const parsed = fields.get('parsed');
  const message =
    `{"role":"assistant","content":${fields.get('output') ?? 'null'},"refusal":null` +
    `${parsed === undefined ? '' : `,"parsed":${parsed}`}}`;
  const choice = `{"index":0,"message":${message},"logprobs":null,"finish_reason":${finishReason(answer)}}`;
  return (
    `{"id":${oneLineJson(`chatcmpl-${name}`)},"object":"chat.completion","created":${created(answer)}` +
    `,"model":${model(answer)},"choices":[${choice}],"usage":${usage(answer, 'prompt_tokens', 'completion_tokens')}}`
  );
}

function completions(answer: Answer): RawJson {
  const { fields, name } = answer;
  const text = fields.get('output') ?? 'null';
  const choice = `{"index":0,"text":${text},"logprobs":null,"finish_reason":${finishReason(answer)}}`;
  return (
    `{"id":${oneLineJson(`cmpl-${name}`)},"object":"text_completion","created":${created(answer)}` +
    `,"model":${model(answer)},"choices":[${choice}],"usage":${usage(answer, 'prompt_tokens', 'completion_tokens')}}`
  );
}

const INCOMPLETE: ReadonlyMap<RawJson, string> = new Map([
  ['"length"', 'max_output_tokens'],
  ['"content_filter"', 'content_filter'],
]);

function responses(answer: Answer): RawJson {
  const { fields, name } = answer;
  const cut = INCOMPLETE.get(finishReason(answer));
  const status = cut === undefined ? '"completed"' : '"incomplete"';
  const text = fields.get('output') ?? '""';
  const parsed = fields.get('parsed');
  const content =
    `{"type":"output_text","text":${text},"annotations":[],"logprobs":[]` +
    `${parsed === undefined ? '' : `,"parsed":${parsed}`}}`;
  const message = `{"id":${oneLineJson(`msg-${name}`)},"type":"message","status":${status},"role":"assistant","content":[${content}]}`;
  const calls = elementsOf(fields.get('tool_calls') ?? '[]');
  const output = text === '""' && calls.length > 0 ? calls : [...calls, message];
  return (
    `{"id":${oneLineJson(`resp-${name}`)},"object":"response","created_at":${created(answer)},"status":${status}` +
    `,"error":null,"incomplete_details":${cut === undefined ? 'null' : `{"reason":"${cut}"}`}` +
    `,"model":${model(answer)},"output":[${output.join(',')}],"usage":${usage(answer, 'input_tokens', 'output_tokens')}}`
  );
}

function embeddings(answer: Answer): RawJson {
  const { fields } = answer;
  const vectors = elementsOf(fields.get('embeddings') ?? `[${fields.get('embedding') ?? ''}]`);
  const data = vectors.map((vector, index) => `{"object":"embedding","index":${index},"embedding":${vector}}`);
  const tokens = fields.get('tokens') ?? '0';
  const used = `{"prompt_tokens":${tokens},"total_tokens":${tokens}}`;
  return `{"object":"list","data":[${data.join(',')}],"model":${model(answer)},"usage":${used}}`;
}

function created({ facts }: Answer): number {
  return Math.floor((facts?.at ?? 0) / 1000);
}

function model({ fields }: Answer): RawJson {
  return fields.get('model') ?? 'null';
}

/** Without details an answer's reason is known if its facts are. */
function finishReason({ fields, facts }: Answer): RawJson {
  const said = fields.get('finish_reason');
  if (said !== undefined) return said;
  if (facts === undefined) return 'null';
  if (facts.filtered === true) return '"content_filter"';
  return facts.truncated === true ? '"length"' : '"stop"';
}

/** Returns the counts by the path's own names. */
function usage({ fields }: Answer, prompt: string, completion: string): RawJson {
  const counts = [
    [prompt, fields.get('prompt_tokens')],
    [completion, fields.get('completion_tokens')],
    ['total_tokens', fields.get('tokens')],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`"${name}":${value}`]));
  return `{${counts.join(',')}}`;
}
