import type { ApiName } from '../batch/api.js';
import { failureKind } from '../batch/counts.js';
import { oneLineJson } from '../batch/json-line.js';
import type { AnswerFacts } from '../batch/part-facts.js';
import { eachLine, type Pieces } from './lines.js';
import { type Answer, answerBody, MAPPED_FIELDS } from './openai-body.js';
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

/**
 * Writes output lines as the result lines of OpenAI's Batch API, an answer as a whole body of its
 * path: a `chat.completion`, a `response`, …. An item that an HTTP
 * status has failed has a response with that status, and each failed item an `error`.
 */
export async function* openaiLines(
  pieces: Pieces,
  { run, page, api = 'chat' }: BatchFacts & { readonly api?: ApiName | undefined },
): AsyncGenerator<Uint8Array> {
  const lines: string[] = [];
  const add = (line: Buffer): void => void lines.push(line.toString('utf8'));
  let item = 0;
  let known: FactsPage = { facts: new Map(), end: 0 };
  for await (const _ of eachLine(pieces, add)) {
    let text = '';
    for (const line of lines.splice(0)) {
      if (item === known.end && page !== undefined) known = await page(item);
      text += resultLine(line, { api, name: `${run}-${item + 1}`, facts: known.facts.get(item) });
      item++;
    }
    if (text !== '') yield Buffer.from(text);
  }
}

/** What a result line says beside its output line. */
interface ResultFacts extends Omit<Answer, 'fields'> {
  readonly api: ApiName;
}

function resultLine(line: RawJson, { api, name, facts }: ResultFacts): string {
  const fields = new Map<string, RawJson>();
  const others: string[] = [];
  eachField(line, (field, value) => {
    if (MAPPED_FIELDS[api].has(field)) fields.set(field, value);
    else others.push(`,${JSON.stringify(field)}:${value}`);
  });
  const error = fields.get('error');
  const [response, failure] =
    error === undefined
      ? [answered(answerBody(api, { fields, name, facts }), name), 'null']
      : failed(textOf(error), name);
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
