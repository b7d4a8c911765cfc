import { isUtf8 } from 'node:buffer';

/**
 * How values become JSON: dates and times as ISO 8601 text in UTC, with the digits that they have; bytes as text, if they are
 * UTF-8. Decimals are numbers, as exact as a float64 is.
 */
export const PARSERS = {
  dateFromDays: (days: number | undefined) =>
    days === undefined ? undefined : iso(BigInt(days) * 86_400_000n, 0n, 0)?.slice(0, 10),
  timestampFromMilliseconds: (time: bigint | undefined) => timeText(time, 1n, 3),
  timestampFromMicroseconds: (time: bigint | undefined) => timeText(time, 1000n, 6),
  timestampFromNanoseconds: (time: bigint | undefined) => timeText(time, 1_000_000n, 9),
  stringFromBytes(bytes: Uint8Array | undefined): string | undefined {
    if (bytes === undefined) return undefined;
    if (!isUtf8(bytes)) throw new TypeError('it holds bytes that are no text in UTF-8');
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  },
};

/** Parsers for the footer, whose least and greatest values may be cut and are not needed. */
export const NO_STATISTICS = {
  dateFromDays: () => undefined,
  timestampFromMilliseconds: () => undefined,
  timestampFromMicroseconds: () => undefined,
  timestampFromNanoseconds: () => undefined,
  stringFromBytes: () => undefined,
  jsonFromBytes: () => undefined,
};

/** Returns a value of a column as JSON has it. An int64 that a float64 does not hold exactly stays one. */
export function jsonValue(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      return value === null ? null : jsonObject(value);
    default:
      return value;
  }
}

function jsonObject(value: object): unknown {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(jsonValue);
  if (ArrayBuffer.isView(value) || Symbol.iterator in value) return Array.from(value as Iterable<unknown>, jsonValue);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonValue(inner)]));
}

function timeText(time: bigint | undefined, perMs: bigint, digits: number): string | undefined {
  if (time === undefined || time === null) return undefined;
  const value = BigInt(time);
  const rest = ((value % perMs) + perMs) % perMs;
  return iso((value - rest) / perMs, rest, digits - 3);
}

/** Returns a time as text; `rest` are the digits after the milliseconds. */
function iso(ms: bigint, rest: bigint, digits: number): string {
  const date = new Date(Number(ms));
  if (Number.isNaN(date.getTime())) throw new RangeError('it holds a time that no calendar has');
  const text = date.toISOString();
  return digits === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(digits, '0')}Z`;
}
