/**
 * A record's own entry. Names from outside (models, kinds of failure) may be what every object inherits, such as
 * `constructor`: they must count from nothing like any other.
 */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
