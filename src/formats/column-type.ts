import { elementsOf, type RawJson } from './raw-json.js';

/** Types of single values. */
export type ScalarType = 'boolean' | 'integer' | 'number' | 'string';

/** Type of a column; `json`: JSON texts. */
export type ColumnType = ScalarType | 'json' | { readonly list: ScalarType };

/** Kinds of values, as bits: what a column has is their sum. */
const BOOLEAN = 1;
/** Digits alone, of 64 bits or fewer. */
const INTEGER = 2;
/** A whole number that is written otherwise, as `1.0` or `1e3`. */
const WHOLE = 4;
const FRACTION = 8;
const STRING = 16;
const LIST = 32;
const OBJECT = 64;

const NUMBERS = INTEGER | WHOLE | FRACTION;

/** What each type can hold without loss. */
const HELD: Readonly<Record<ScalarType, number>> = {
  boolean: BOOLEAN,
  integer: INTEGER | WHOLE,
  number: NUMBERS,
  string: STRING,
};

/** Types in the order in which one is looked for that holds all values: `1.0` means a number. */
const INFERRED: readonly (readonly [ScalarType, number])[] = [
  ['boolean', BOOLEAN],
  ['integer', INTEGER],
  ['number', NUMBERS],
  ['string', STRING],
];

const MAX_INT64 = 2n ** 63n - 1n;

/** The kinds of values that a column has. */
export class SeenValues {
  private kinds = 0;
  private elements = 0;

  /** Adds a value; null counts as none. */
  add(value: RawJson): void {
    const kind = kindOf(value);
    this.kinds |= kind;
    if (kind !== LIST) return;
    for (const element of elementsOf(value)) this.elements |= kindOf(element);
  }

  /** Returns the wanted type if it holds all values, else the simplest one that does; `json` holds all. */
  type(wanted: ColumnType | undefined): ColumnType {
    if (wanted !== undefined && this.fits(wanted)) return wanted;
    if (this.kinds === LIST) {
      const list = inferred(this.elements);
      return list === undefined ? 'json' : { list };
    }
    return inferred(this.kinds) ?? 'json';
  }

  private fits(type: ColumnType): boolean {
    if (type === 'json') return true;
    if (typeof type === 'string') return isWithin(this.kinds, HELD[type]);
    return isWithin(this.kinds, LIST) && isWithin(this.elements, HELD[type.list]);
  }
}

function inferred(kinds: number): ScalarType | undefined {
  if (kinds === 0) return 'string';
  return INFERRED.find(([, held]) => isWithin(kinds, held))?.[0];
}

function isWithin(kinds: number, held: number): boolean {
  return (kinds & ~held) === 0;
}

function kindOf(value: RawJson): number {
  switch (value[0]) {
    case 'n':
      return 0;
    case 't':
    case 'f':
      return BOOLEAN;
    case '"':
      return STRING;
    case '[':
      return LIST;
    case '{':
      return OBJECT;
    default:
      return kindOfNumber(value);
  }
}

function kindOfNumber(value: RawJson): number {
  if (isDigits(value)) return value.length < 19 || isInt64(BigInt(value)) ? INTEGER : FRACTION;
  return Number.isSafeInteger(Number(value)) ? WHOLE : FRACTION;
}

/** Returns a whole number exactly. */
export function integerOf(value: RawJson): bigint {
  return BigInt(isDigits(value) ? value : Number(value));
}

function isDigits(value: RawJson): boolean {
  return /^-?\d+$/.test(value);
}

function isInt64(value: bigint): boolean {
  return value <= MAX_INT64 && value >= -MAX_INT64 - 1n;
}
