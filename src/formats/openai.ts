import { failureKind } from '../batch/counts.js';
import { oneLineJson } from '../batch/json-line.js';
import type { AnswerFacts } from '../batch/part-facts.js';
import { eachLine, type Pieces } from './lines.js';
import { eachField, type RawJson, textOf } from './raw-json.js';

/** What is known of answers beside their lines, from one item on. */
export interface FactsPage {
  readonly facts: ReadonlyMap<number, AnswerFacts>;
  /** Index of the first item behind the page. */
  readonly end: number;
}

/** What result lines of OpenAI's Batch API have and output lines do not. */
export interface BatchFacts {
  readonly run: string;
  /** Returns the page of facts that begins with an item; absent if lines are not one an item. */
  readonly page?: (item: number) => Promise<FactsPage>;
}

/** Fields of an output line that have their place in a result line; others are left at its end. */
const MAPPED: ReadonlySet<string> = new Set(
  'id model output parsed error tokens prompt_tokens completion_tokens finish_reason'.split(' '),
);

/**
 * Writes output lines as the result lines of OpenAI's Batch API, an answer as a whole `chat.completion`. An item that an HTTP
 * status has failed has a response with that status, and each failed item an `error`.
 */
export async function* openaiLines(pieces: Pieces, { run, page }: BatchFacts): AsyncGenerator<Uint8Array> {
  const lines: string[] = [];
  const add = (line: Buffer): void => void lines.push(line.toString('utf8'));
  let item = 0;
  let known: FactsPage = { facts: new Map(), end: 0 };
  for await (const _ of eachLine(pieces, add)) {
    let text = '';
    for (const line of lines.splice(0)) {
      if (item === known.end && page !== undefined) known = await page(item);
      text += resultLine(line, `${run}-${item + 1}`, known.facts.get(item));
      item++;
    }
    if (text !== '') yield Buffer.from(text);
  }
}

function resultLine(line: RawJson, name: string, facts: AnswerFacts | undefined): string {
  const fields = new Map<string, RawJson>();
  const others: string[] = [];
  eachField(line, (field, value) => {
    if (MAPPED.has(field)) fields.set(field, value);
    else others.push(`,${JSON.stringify(field)}:${value}`);
  });
  const error = fields.get('error');
  const [response, failure] =
    error === undefined ? [answered(completion(fields, name, facts), name), 'null'] : failed(textOf(error), name);
  const id = textOf(fields.get('id') ?? '""');
  const head = `{"id":${oneLineJson(`batch_req_${name}`)},"custom_id":${oneLineJson(id)}`;
  return `${head},"response":${response},"error":${failure}${others.join('')}}\n`;
}

function answered(body: RawJson, name: string, status = 200): RawJson {
  return `{"status_code":${status},"request_id":${oneLineJson(name)},"body":${body}}`;
}

/** Returns the response and the error of an item whose error is `<status or kind>: <message>`. */
function failed(error: string, name: string): [RawJson, RawJson] {
  const kind = failureKind(error);
  const message = error.startsWith(`${kind}: `) ? error.slice(kind.length + 2) : error;
  const failure = oneLineJson({ code: kind, message });
  if (!/^[1-5]\d\d$/.test(kind)) return ['null', failure];
  const body = oneLineJson({ error: { message, type: 'api_error', param: null, code: kind } });
  return [answered(body, name, Number(kind)), failure];
}

function completion(fields: ReadonlyMap<string, RawJson>, name: string, facts: AnswerFacts | undefined): RawJson {
  const parsed = fields.get('parsed');
  const message =
    `{"role":"assistant","content":${fields.get('output') ?? 'null'},"refusal":null` +
    `${parsed === undefined ? '' : `,"parsed":${parsed}`}}`;
  const finish = fields.get('finish_reason') ?? finishReason(facts);
  const choice = `{"index":0,"message":${message},"logprobs":null,"finish_reason":${finish}}`;
  const created = Math.floor((facts?.at ?? 0) / 1000);
  return (
    `{"id":${oneLineJson(`chatcmpl-${name}`)},"object":"chat.completion","created":${created}` +
    `,"model":${fields.get('model') ?? 'null'},"choices":[${choice}],"usage":${usage(fields)}}`
  );
}

/** Without details an answer's reason is known if its facts are. */
function finishReason(facts: AnswerFacts | undefined): RawJson {
  if (facts === undefined) return 'null';
  if (facts.filtered === true) return '"content_filter"';
  return facts.truncated === true ? '"length"' : '"stop"';
}

function usage(fields: ReadonlyMap<string, RawJson>): RawJson {
  const counts = [
    ['prompt_tokens', fields.get('prompt_tokens')],
    ['completion_tokens', fields.get('completion_tokens')],
    ['total_tokens', fields.get('tokens')],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`"${name}":${value}`]));
  return `{${counts.join(',')}}`;
}
