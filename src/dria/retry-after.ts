/** Header fields as undici gives them: lower-case names. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The longest wait that is believed, ms; a longer one is cut to it, and the endpoint will say so again. */
const LONGEST_MS = 60_000;

/** A wait beyond this is no rate limit but a mistake (a time stamp in the place of a duration), and says nothing. */
const ABSURD_MS = 24 * 3_600_000;

/** HTTP dates begin with the day's name: RFC 9110, 5.6.7. `Date.parse` alone would take "-5" for a year. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*, /;

/**
 * How long the endpoint asks to wait, ms, 0 to 60,000: `retry-after-ms` (as OpenAI sends it), else `Retry-After` in
 * seconds or as an HTTP date. Undefined when there is none or it makes no sense. `now` is epoch ms.
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const wait = decimal(headers['retry-after-ms']) ?? fromRetryAfter(headers, now);
  if (wait === undefined || wait > ABSURD_MS) return undefined;
  return Math.min(Math.max(Math.ceil(wait), 0), LONGEST_MS);
}

function fromRetryAfter(headers: Headers, now: number): number | undefined {
  const seconds = decimal(headers['retry-after']);
  if (seconds !== undefined) return seconds * 1000;
  const until = httpDate(headers['retry-after']);
  // Against the server's own clock where it tells it: ours may be wrong by more than the wait.
  return until === undefined ? undefined : until - (httpDate(headers.date) ?? now);
}

function decimal(value: string | string[] | undefined): number | undefined {
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : undefined;
}

function httpDate(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string' || !HTTP_DATE.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}
