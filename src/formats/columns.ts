import type { ApiName } from '../batch/api.js';
import type { JsonSchema } from '../batch/options.js';
import { FormatError, requireSchema } from '../batch/output-format.js';
import { type ColumnType, SeenValues } from './column-type.js';
import { eachField, type RawJson } from './raw-json.js';
import { schemaColumns } from './schema-columns.js';

/** What a run's output lines have, as far as its settings say it. */
export interface LineSettings {
  readonly schema?: JsonSchema | undefined;
  readonly detail: boolean;
  /** What its items were asked by. Default: by chat. */
  readonly api?: ApiName | undefined;
  /** Each field of an answer is a column. */
  readonly flatten: boolean;
}

/** A column of results. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** Values of a line, one a column; undefined where it has none. */
export type Cells = readonly (RawJson | undefined)[];

/** The columns of a run's results. */
export interface Table {
  readonly columns: readonly Column[];
  /** Returns the values of an output line. */
  cells(line: RawJson): Cells;
}

/** Maximum number of columns: more are no table but objects with keys of their own. */
const MAX_COLUMNS = 2000;

type Fields = Readonly<Record<string, ColumnType>>;

/** Fields of every output line, in the order of their columns; `parsed`, or what it has, stands behind `output`. */
const MODEL: Fields = { model: 'string' };
const OUTPUT: Fields = { output: 'string' };
/** What vectors have in the place of a text, unless they were asked for as base64. */
const EMBEDDING: Fields = { embedding: { list: 'number' } };
const AFTER_PARSED: Fields = { error: 'string', tokens: 'integer' };
const DETAIL: Fields = {
  prompt_tokens: 'integer',
  completion_tokens: 'integer',
  finish_reason: 'string',
  attempts: 'integer',
  latency_ms: 'number',
  node_id: 'string',
  models_tried: { list: 'string' },
};

/** The field that holds columns of the input. */
const CARRIED = 'columns';

/** Names that no field of an answer or of the input takes, whatever the run: names do not depend on its options. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  'id',
  'parsed',
  ...[MODEL, OUTPUT, EMBEDDING, AFTER_PARSED, DETAIL].flatMap((fields) => Object.keys(fields)),
]);

/** A place in a line: a column, an object with columns, or both. */
interface Place {
  column?: number;
  fields?: Map<string, Place>;
}

/** A column while the lines are looked through. */
interface Draft {
  readonly name: string;
  readonly wanted: ColumnType | undefined;
  readonly seen: SeenValues;
  /** A column that no line needs is left out. */
  isUsed: boolean;
}

/**
 * Finds the columns of results: those that the run's settings promise, whether or not a line has them, and then what else
 * lines have, in the order in which it comes. Types are those of the schema where all values fit; else those of the values.
 */
export class ColumnFinder {
  private readonly drafts: Draft[] = [];
  private readonly names = new Set(OWN_NAMES);
  private readonly root: Place = { fields: new Map() };
  private readonly parsed: Place = {};

  /** Throws a `FormatError` if answers are to be flattened that have no fields. */
  constructor({ schema, detail, flatten, api }: LineSettings) {
    this.promise({ id: undefined });
    this.promise(MODEL);
    this.promise(api === 'embeddings' ? EMBEDDING : OUTPUT);
    requireSchema({ flatten }, schema !== undefined);
    if (flatten && schema !== undefined) this.flatten(schema);
    else if (schema !== undefined) this.promise({ parsed: 'json' });
    this.promise(AFTER_PARSED);
    if (detail) this.promise(DETAIL);
    fieldsOf(this.root).set(CARRIED, { fields: new Map() });
  }

  /** Takes the next line. Throws a `FormatError` if there are too many columns. */
  add(line: RawJson): void {
    this.addObject(line, this.root, []);
  }

  /** Returns what was found. */
  table(): Table {
    const used = this.drafts.flatMap((draft, at) => (draft.isUsed ? [{ draft, at }] : []));
    const places = new Map(used.map(({ at }, column) => [at, column]));
    const columns = used.map(({ draft: { name, wanted, seen } }) => ({ name, type: typeOf(name, seen.type(wanted)) }));
    const root = renumbered(this.root, places);
    return { columns, cells: (line) => cellsOf(line, root, columns.length) };
  }

  private promise(fields: Readonly<Record<string, ColumnType | undefined>>): void {
    for (const [name, wanted] of Object.entries(fields)) {
      fieldsOf(this.root).set(name, { column: this.draft(name, wanted) });
    }
  }

  private flatten(schema: JsonSchema): void {
    const found = schemaColumns(schema);
    if (found === undefined) {
      throw new FormatError(
        "the run's schema describes no object with fields that are known, so there is nothing to flatten: leave out flatten",
      );
    }
    for (const { path, type } of found) {
      const name = this.freeName(path.join('.'), 'parsed');
      placeAt(this.parsed, path).column = this.draft(name, type);
    }
    // The whole value beside its fields, if an answer has fields that the schema does not name.
    this.parsed.column = this.draft('parsed', 'json', false);
    fieldsOf(this.root).set('parsed', this.parsed);
  }

  private addObject(object: RawJson, place: Place, path: readonly string[]): void {
    eachField(object, (name, value) => {
      const found = place.fields?.get(name) ?? this.newPlace(place, name, path);
      if (found?.column !== undefined) this.drafts[found.column]?.seen.add(value);
      if (found?.fields === undefined || value === 'null') return;
      if (value.startsWith('{')) this.addObject(value, found, [...path, name]);
      else this.addMisfit(found, name, path, value);
    });
  }

  private newPlace(place: Place, name: string, path: readonly string[]): Place | undefined {
    if (path[0] === 'parsed') {
      this.keepParsed();
      return undefined;
    }
    const isOwn = path.length === 0 && OWN_NAMES.has(name);
    const found: Place = { column: this.draft(isOwn ? name : this.freeName(name, path.join('.')), undefined) };
    place.fields?.set(name, found);
    return found;
  }

  /** Takes a value that is no object though there are columns for its fields. */
  private addMisfit(place: Place, name: string, path: readonly string[], value: RawJson): void {
    if (place === this.parsed || path[0] === 'parsed') this.keepParsed();
    if (path.length > 0 || place.column !== undefined) return;
    place.column = this.draft(this.freeName(name, ''), undefined);
    this.drafts[place.column]?.seen.add(value);
  }

  private keepParsed(): void {
    const draft = this.drafts[this.parsed.column ?? -1];
    if (draft !== undefined) draft.isUsed = true;
  }

  private draft(name: string, wanted: ColumnType | undefined, isUsed = true): number {
    if (this.drafts.length === MAX_COLUMNS) {
      throw new FormatError(
        `the results have more than ${MAX_COLUMNS} columns: choose fewer of the input's, or write them as jsonl, which has no columns`,
      );
    }
    return this.drafts.push({ name, wanted, seen: new SeenValues(), isUsed }) - 1;
  }

  /** Returns a name that no other column has: with what it is in before it, or else with a number behind it. */
  private freeName(name: string, within: string): string {
    const names = [name, ...(within === '' ? [] : [`${within}.${name}`])];
    for (let number = 2; ; number++) {
      const free = names.find((candidate) => !this.names.has(candidate));
      if (free !== undefined) {
        this.names.add(free);
        return free;
      }
      names.push(`${name}_${number}`);
    }
  }
}

/** Ids of both types are texts. */
function typeOf(name: string, type: ColumnType): ColumnType {
  return name === 'id' && type === 'json' ? 'string' : type;
}

function fieldsOf(place: Place): Map<string, Place> {
  place.fields ??= new Map();
  return place.fields;
}

function placeAt(place: Place, path: readonly string[]): Place {
  return path.reduce<Place>((outer, name) => {
    const found = fieldsOf(outer).get(name) ?? {};
    fieldsOf(outer).set(name, found);
    return found;
  }, place);
}

function renumbered({ column, fields }: Place, places: ReadonlyMap<number, number>): Place {
  const found = column === undefined ? undefined : places.get(column);
  return {
    ...(found === undefined ? {} : { column: found }),
    ...(fields === undefined
      ? {}
      : { fields: new Map([...fields].map(([name, inner]) => [name, renumbered(inner, places)])) }),
  };
}

function cellsOf(line: RawJson, root: Place, columns: number): Cells {
  const cells = new Array<RawJson | undefined>(columns).fill(undefined);
  fill(cells, line, root);
  return cells;
}

function fill(cells: (RawJson | undefined)[], object: RawJson, place: Place): void {
  eachField(object, (name, value) => {
    const found = place.fields?.get(name);
    if (found === undefined || value === 'null') return;
    if (found.column !== undefined) cells[found.column] = value;
    if (found.fields !== undefined && value.startsWith('{')) fill(cells, value, found);
  });
}
