import { InvalidArgumentError, Option } from 'commander';

/** An option whose value is a number; what is none is refused by name. */
export function number(flags: string, description: string, value?: number): Option {
  const option = new Option(flags, description).argParser(parseNumber);
  return value === undefined ? option : option.default(value);
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.');
  return value;
}
