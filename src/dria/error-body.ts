import { isObject, type JsonObject, parseBody } from './json.js';

/** What an error's body says, whichever of the many shapes it has. */
export interface ErrorBody {
  /** The server's own words, for people. Empty if there are none. */
  readonly message: string;
  /** The words with every code and type, in lower case, for the rules. */
  readonly words: string;
  /** HTTP status inside the body, 400 to 599. */
  readonly status: number | undefined;
  /** Names of errors, in lower case: `insufficient_quota`, `resource_exhausted`, … */
  readonly codes: ReadonlySet<string>;
  /** Fields of the request that the error names (`param`, `loc`). */
  readonly fields: readonly string[];
  /** Waits that the body asks for, as written: `36s`. */
  readonly delays: readonly string[];
  /** Header fields that a router repeats from the provider behind it. */
  readonly headers: JsonObject;
}

/** Reads the body of an answer that is an error. */
export function readErrorBody(text: string): ErrorBody {
  const body = text.trim();
  if (/^<(?!\w+>\w)|^<(html|!doctype)/i.test(body)) return plain(pageTitle(body));
  const json = /^[{[]/.test(body) ? parseBody(body) : undefined;
  if (typeof json !== 'object' || json === null) return plain(body);
  return readErrorValue(json, body);
}

/** Reads an error that is parsed already. `fallback` is shown if no field of it holds words. */
export function readErrorValue(error: unknown, fallback: string): ErrorBody {
  const found = new Findings();
  found.walk(error, 0);
  return found.body(fallback);
}

function plain(message: string): ErrorBody {
  const found = new Findings();
  found.walkText(message, 0);
  return found.body(message);
}

function pageTitle(page: string): string {
  return /<title[^>]*>([^<]+)</i.exec(page)?.[1]?.trim() ?? '';
}

/** Fields whose text is for people. */
const MESSAGE_KEYS: ReadonlySet<string> = new Set(
  'error message msg detail details errors error_msg error_message errormessage raw title innererror reasons'.split(
    ' ',
  ),
);

/** Fields whose text is the name of an error, and whose number may be a status. */
const CODE_KEYS: ReadonlySet<string> = new Set(
  'code type status status_code statuscode error_code error_type reason quotaid http_status http_code'.split(' '),
);

/** Fields that repeat the request or the answer: what stands there must not count as the server's words. */
const ECHO_KEYS: ReadonlySet<string> = new Set(
  'body input ctx url user_id failed_generation prompt messages request links flagged_input stack provider_name'.split(
    ' ',
  ),
);

/** Characters of a message that are looked at: the rules are made for sentences, and a body can be megabytes. */
const MAX_LENGTH = 6000;
const MAX_CODES = 20;

/** Objects within objects, and JSON within texts, that are followed. */
const MAX_DEPTH = 8;

/** Collects what the fields of a body say. */
class Findings {
  readonly #messages = new Set<string>();
  readonly #codes = new Set<string>();
  readonly #fields: string[] = [];
  readonly #delays: string[] = [];
  #headers: JsonObject = {};
  /** The innermost: a router's own status is about itself. */
  #status: number | undefined;

  body(fallback: string): ErrorBody {
    const message = ([...this.#messages].join(': ') || fallback).slice(0, MAX_LENGTH);
    const words = `${message}\n${[...this.#codes].slice(0, MAX_CODES).join(' ')}`.toLowerCase();
    const [codes, fields, delays, headers] = [this.#codes, this.#fields, this.#delays, this.#headers];
    return { message, words, status: this.#status, codes, fields, delays, headers };
  }

  walk(value: unknown, depth: number, key = ''): void {
    if (depth > MAX_DEPTH || ECHO_KEYS.has(key)) return;
    if (typeof value === 'string') this.#string(value, depth, key);
    else if (typeof value === 'number') this.#number(value, key);
    else if (Array.isArray(value)) for (const entry of value.slice(0, 20)) this.walk(entry, depth + 1, key);
    else if (isObject(value)) this.#object(value, depth);
  }

  /** Takes a text for words, or follows the JSON that it is or holds. */
  walkText(text: string, depth: number): void {
    const whole = /^\s*[{[]/.test(text) ? parseBody(text) : undefined;
    if (isObject(whole) || Array.isArray(whole)) this.walk(whole, depth + 1);
    else this.#words(text, depth);
  }

  #words(text: string, depth: number): void {
    this.#messages.add(text.trim());
    const start = text.indexOf('{');
    const nested = start < 0 ? undefined : parseBody(text.slice(start, text.lastIndexOf('}') + 1));
    if (!isObject(nested)) return;
    // The text holds these words already: only codes, fields and the status are taken from the JSON within it.
    const said = [...this.#messages];
    this.walk(nested, depth + 1);
    this.#messages.clear();
    for (const message of said) this.#messages.add(message);
  }

  #object(fields: JsonObject, depth: number): void {
    const { loc, msg } = fields;
    if (Array.isArray(loc) && typeof msg === 'string') {
      const place = loc.filter((part) => typeof part === 'string' || typeof part === 'number').map(String);
      this.#fields.push(...place);
      this.#messages.add(`${place.join('.')}: ${msg}`);
      this.walk(fields.type, depth + 1, 'type');
      return;
    }
    if (isObject(fields.headers)) this.#headers = fields.headers;
    for (const [name, value] of Object.entries(fields)) this.walk(value, depth + 1, name.toLowerCase());
  }

  #string(text: string, depth: number, key: string): void {
    if (text.trim() === '') return;
    if (key === 'param') this.#fields.push(text);
    else if (key === 'retrydelay') this.#delays.push(text);
    else if (CODE_KEYS.has(key)) this.#code(text);
    else if (MESSAGE_KEYS.has(key) || key === '') this.walkText(text, depth);
  }

  #code(text: string): void {
    if (/^\d{3}$/.test(text)) this.#number(Number(text), 'code');
    else if (!/^\d+$/.test(text) && text.length <= 80) this.#codes.add(text.toLowerCase());
  }

  #number(value: number, key: string): void {
    if (CODE_KEYS.has(key) && Number.isInteger(value) && value >= 400 && value < 600) this.#status = value;
  }
}
