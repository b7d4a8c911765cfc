import type { ErrorBody } from './error-body.js';
import type { JsonObject } from './json.js';

/** Header fields as undici gives them: lower-case names. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A longer wait is no rate limit but a mistake (a time stamp in the place of a duration), and counts as none (ms). */
const LONGEST_MS = 24 * 3_600_000;

/** HTTP dates begin with the day's name: RFC 9110, 5.6.7. `Date.parse` alone would take "-5" for a year. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, /;

/**
 * Returns how long the endpoint asks to wait (ms), 0 to 24 h: `retry-after-ms`, else `Retry-After` in seconds or as an
 * HTTP date. With the body of a 429 also what that asks for, else when the limits that are used up begin anew
 * (`x-ratelimit-reset-*`). Undefined if there is none or it makes no sense. `now` is epoch ms.
 */
export function retryAfterMs(headers: Headers, now: number, limited?: ErrorBody): number | undefined {
  const waits = [() => decimal(headers['retry-after-ms']), () => fromRetryAfter(headers, now)];
  if (limited !== undefined) {
    waits.push(
      () => fromBody(limited),
      () => fromResets(headers, now),
      () => fromResets(lowerCase(limited.headers), now),
    );
  }
  for (const wait of waits) {
    const ms = wait();
    if (ms !== undefined) return ms > LONGEST_MS ? undefined : Math.max(Math.ceil(ms), 0);
  }
  return undefined;
}

function fromRetryAfter(headers: Headers, now: number): number | undefined {
  const seconds = decimal(headers['retry-after']);
  if (seconds !== undefined) return seconds * 1000;
  const until = httpDate(headers['retry-after']);
  // Against the server's own clock if it is given: ours may be wrong by more than the wait.
  return until === undefined ? undefined : until - (httpDate(headers.date) ?? now);
}

/** Google's `RetryInfo`, or the sentence that OpenAI, Groq and Google write: `Please try again in 9m38.016s`. */
function fromBody({ delays, words }: ErrorBody): number | undefined {
  const delay = delays.map(duration).find((ms) => ms !== undefined);
  return delay ?? duration(/(?:try again|retry) (?:in|after) (\d[\d.hms]*(?: ?seconds?)?)/.exec(words)?.[1]);
}

/** The longest of the resets whose limit is used up; if no header tells what is left, the shortest. */
function fromResets(headers: Headers, now: number): number | undefined {
  const resets = Object.keys(headers).filter((name) => /rate-?limit/.test(name) && name.includes('reset'));
  const used = resets.filter((name) => headers[name.replace('reset', 'remaining')] === '0');
  const waits = (used.length > 0 ? used : resets).map((name) => untilReset(headers[name], now));
  const known = waits.filter((ms) => ms !== undefined);
  if (known.length === 0) return undefined;
  return used.length > 0 ? Math.max(...known) : Math.min(...known);
}

/** A reset is written as a duration, as seconds, as epoch seconds or ms, or as an ISO date. */
function untilReset(value: string | string[] | undefined, now: number): number | undefined {
  const number = decimal(value);
  if (number !== undefined && number > 1e12) return Math.max(number - now, 0);
  if (number !== undefined && number > 1e9) return Math.max(number * 1000 - now, 0);
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) return dateOf(value, now);
  return duration(value);
}

function dateOf(text: string, now: number): number | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : Math.max(time - now, 0);
}

const UNIT_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** `6m0s`, `1m30s`, `7.66s`, `20ms`, `2 seconds`, or seconds alone, in ms. */
function duration(value: string | string[] | undefined): number | undefined {
  const seconds = decimal(value);
  if (seconds !== undefined) return seconds * 1000;
  if (typeof value !== 'string') return undefined;
  const text = value
    .trim()
    .replace(/ ?seconds?$/, 's')
    .replace(/\.$/, '');
  if (!/^(\d+(\.\d+)?(ms|d|h|m|s))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|d|h|m|s)/g)];
  return parts.reduce((sum, [, amount, unit = 's']) => sum + Number(amount) * (UNIT_MS[unit] ?? 0), 0);
}

function decimal(value: string | string[] | undefined): number | undefined {
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : undefined;
}

function httpDate(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string' || !HTTP_DATE.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

function lowerCase(fields: JsonObject): Headers {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), String(value)]));
}
