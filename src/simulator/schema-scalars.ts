type Schema = Readonly<Record<string, unknown>>;

/** Values of the string formats that answers are commonly asked in. */
const FORMATS: Readonly<Record<string, string>> = {
  date: '2026-01-02',
  time: '03:04:05Z',
  'date-time': '2026-01-02T03:04:05Z',
  duration: 'PT1H',
  email: 'simulated@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/simulated',
  url: 'https://example.com/simulated',
  uuid: '123e4567-e89b-42d3-a456-426614174000',
};

/** A string of an allowed length that holds the seed as far as there is room. */
export function stringFor(schema: Schema, seed: string): string {
  const format = typeof schema.format === 'string' ? FORMATS[schema.format] : undefined;
  if (format !== undefined) return format;
  const text = `simulated ${seed}`.padEnd(bound(schema.minLength, 0), '.');
  return text.slice(0, bound(schema.maxLength, Infinity));
}

/** A number between the bounds; `unit` in [0, 1) says where. Without bounds between 0 and 100. */
export function numberFor(schema: Schema, unit: number, integer: boolean): number {
  const step = bound(schema.multipleOf, integer ? 1 : 0.01);
  const [low, high] = range(schema);
  // Counted in whole steps, so that the value is a multiple; an excluded bound that is itself one is stepped over.
  let first = Math.ceil(low / step);
  let last = Math.floor(high / step);
  if (first * step <= bound(schema.exclusiveMinimum, -Infinity)) first += 1;
  if (last * step >= bound(schema.exclusiveMaximum, Infinity)) last -= 1;
  // Bounds closer together than a step: the middle, which is all that a plain number can be asked for.
  if (first > last) return integer ? Math.ceil(low) : (low + high) / 2;
  const value = (first + Math.floor(unit * (last - first + 1))) * step;
  return Number(value.toPrecision(12));
}

function range(schema: Schema): readonly [low: number, high: number] {
  const min = Math.max(bound(schema.minimum, -Infinity), bound(schema.exclusiveMinimum, -Infinity));
  const max = Math.min(bound(schema.maximum, Infinity), bound(schema.exclusiveMaximum, Infinity));
  const low = Number.isFinite(min) ? min : Math.min(0, Number.isFinite(max) ? max - 100 : 0);
  return [low, Number.isFinite(max) ? max : Math.max(low, 0) + 100];
}

function bound(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
