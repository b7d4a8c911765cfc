import type { JsonSchema } from '../batch/options.js';
import { own } from '../batch/own.js';
import type { ColumnType, ScalarType } from './column-type.js';

/** A field of an answer. */
export interface SchemaColumn {
  /** Names of the objects around it and its own, outermost first. */
  readonly path: readonly string[];
  /** Undefined if the schema leaves it open. */
  readonly type: ColumnType | undefined;
}

/** Types that a JSON Schema gives a value, `null` left out; undefined: any. */
type Types = ReadonlySet<string> | undefined;

/** Levels of objects that are columns; deeper ones are JSON. */
const MAX_LEVELS = 16;

const SCALARS: readonly ScalarType[] = ['boolean', 'integer', 'number', 'string'];

/** Returns the fields of the answers that a schema describes; undefined if they are no objects with known fields. */
export function schemaColumns(schema: JsonSchema): readonly SchemaColumn[] | undefined {
  const walk = new SchemaWalk(schema);
  return walk.isFlat(schema, []) ? walk.columns(schema, [], new Set(['#'])) : undefined;
}

class SchemaWalk {
  constructor(private readonly root: JsonSchema) {}

  /** Returns true if a value is an object whose fields are columns. */
  isFlat(schema: unknown, path: readonly string[]): boolean {
    return path.length < MAX_LEVELS && isOnly(this.types(schema), 'object') && this.properties(schema).size > 0;
  }

  /** Returns the columns of an object. One that is within itself, by the references to it, is JSON there. */
  columns(schema: unknown, path: readonly string[], within: ReadonlySet<string>): SchemaColumn[] {
    return [...this.properties(schema)].flatMap(([name, property]) => {
      const inner = [...path, name];
      const references = referencesOf(property);
      if (references.some((reference) => within.has(reference))) return [{ path: inner, type: 'json' as const }];
      if (!this.isFlat(property, inner)) return [{ path: inner, type: this.type(property) }];
      return this.columns(property, inner, new Set([...within, ...references]));
    });
  }

  private type(schema: unknown): ColumnType | undefined {
    const types = this.types(schema);
    if (types === undefined) return undefined;
    if (!isOnly(types, 'array')) return scalarOf(types) ?? 'json';
    const { items } = this.resolved(schema) ?? {};
    const list = scalarOf(this.types(items) ?? new Set());
    return list === undefined ? 'json' : { list };
  }

  /** Returns the fields of an object, those of all branches of the schema together. */
  private properties(schema: unknown, depth = 0): Map<string, unknown> {
    const found = new Map<string, unknown>();
    const resolved = this.resolved(schema);
    if (resolved === undefined || depth > MAX_LEVELS) return found;
    for (const [name, property] of Object.entries(asSchema(resolved.properties) ?? {})) found.set(name, property);
    for (const branch of branchesOf(resolved)) {
      for (const [name, property] of this.properties(branch, depth + 1)) {
        const known = found.get(name);
        found.set(name, known === undefined ? property : { anyOf: [known, property] });
      }
    }
    return found;
  }

  private types(schema: unknown, depth = 0): Types {
    const resolved = this.resolved(schema);
    if (resolved === undefined || depth > MAX_LEVELS) return undefined;
    const { type, enum: values, const: value, allOf, anyOf, oneOf } = resolved;
    if (typeof type === 'string') return withoutNull([type]);
    if (Array.isArray(type)) return withoutNull(type.map(String));
    if (Array.isArray(values)) return withoutNull(values.map(typeOfValue));
    if (value !== undefined) return withoutNull([typeOfValue(value)]);
    for (const branches of [anyOf, oneOf]) {
      if (Array.isArray(branches)) return union(branches.map((branch) => this.types(branch, depth + 1)));
    }
    const all = Array.isArray(allOf) ? allOf.map((branch) => this.types(branch, depth + 1)) : [];
    return (
      all.find((types) => types !== undefined) ?? (resolved.properties === undefined ? undefined : new Set(['object']))
    );
  }

  /** Returns a schema with its reference followed; undefined for one that says nothing, and that refers elsewhere. */
  private resolved(schema: unknown): JsonSchema | undefined {
    let current = asSchema(schema);
    for (let steps = 0; steps < MAX_LEVELS && typeof current?.$ref === 'string'; steps++)
      current = this.at(current.$ref);
    return current;
  }

  private at(reference: string): JsonSchema | undefined {
    if (reference === '#') return this.root;
    if (!reference.startsWith('#/')) return undefined;
    let current: JsonSchema | undefined = this.root;
    for (const part of reference.slice(2).split('/')) {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
      current = current === undefined ? undefined : asSchema(own(current, name));
    }
    return current;
  }
}

function asSchema(value: unknown): JsonSchema | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function branchesOf({ allOf, anyOf, oneOf }: JsonSchema): unknown[] {
  return [allOf, anyOf, oneOf].flatMap((branches) => (Array.isArray(branches) ? branches : []));
}

function referencesOf(schema: unknown, depth = 0): string[] {
  const found = asSchema(schema);
  if (found === undefined || depth > MAX_LEVELS) return [];
  const inner = branchesOf(found).flatMap((branch) => referencesOf(branch, depth + 1));
  return typeof found.$ref === 'string' ? [found.$ref, ...inner] : inner;
}

function withoutNull(types: readonly string[]): Types {
  return new Set(types.filter((type) => type !== 'null'));
}

function union(all: readonly Types[]): Types {
  const known = all.flatMap((types) => (types === undefined ? [] : [...types]));
  return all.includes(undefined) ? undefined : new Set(known);
}

function isOnly(types: Types, type: string): boolean {
  return types?.size === 1 && types.has(type);
}

function scalarOf(types: ReadonlySet<string>): ScalarType | undefined {
  if (types.size === 2 && types.has('integer') && types.has('number')) return 'number';
  return types.size === 1 ? SCALARS.find((scalar) => types.has(scalar)) : undefined;
}

function typeOfValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}
