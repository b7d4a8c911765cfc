import { cellText, isAbsent } from '../batch/cell.js';
import { type Condition, fulfils, parseCondition } from '../batch/condition.js';
import type { ReadOptions } from '../batch/read-options.js';
import { fillTemplate, parseTemplate, type Template } from '../batch/template.js';
import { ColumnNames } from './column-names.js';
import { type FieldProblem, InputError } from './errors.js';
import { printable } from './excerpt.js';
import { RowCells } from './row-cells.js';
import { outputColumns } from './row-columns.js';
import type { MappedRow, Row, RowMapping } from './rows.js';
import { Sampler } from './sample.js';

/** The options that say what becomes of rows. */
const ROW_OPTIONS = [
  'prompt',
  'system',
  'idColumn',
  'attachmentColumn',
  'columns',
  'where',
  'limit',
  'sample',
] as const satisfies readonly (keyof ReadOptions)[];

/** Columns that are fields of an item if a row has them. */
const OPTIONAL_FIELDS = ['id', 'attachment', 'attachments', 'system'] as const;

/** Fields of an object that are its request's, and are kept if the prompt is its own. */
const REQUEST_FIELDS = [
  'messages',
  'model',
  'max_tokens',
  'temperature',
  'schema',
  'body',
  'custom_id',
  'method',
  'url',
] as const;

/** How a prompt is made where no column has it. */
const NO_PROMPT = "; give the prompt as a template of columns, as --prompt 'Classify: {{text}}'";

/** Returns how rows become items under some options. One for each pass over an input: it counts rows. */
export function rowMapping(options: ReadOptions): RowMapping {
  return new ColumnMapping(options);
}

/**
 * Makes items of rows: the prompt by a template or from the column `prompt`, other fields from their columns; only of rows that
 * are wanted.
 */
class ColumnMapping implements RowMapping {
  readonly isIdentity: boolean;
  readonly known: readonly string[];
  readonly wanted: readonly string[] | undefined;
  readonly offer?: (row: Row) => void;
  private readonly prompt: Template | undefined;
  private readonly system: Template | undefined;
  private readonly conditions: readonly Condition[];
  private readonly sampler: Sampler | undefined;
  private readonly names: ColumnNames;
  private readonly cells = new RowCells();
  /** Those that the options name. */
  private readonly attachmentColumns: readonly string[];
  /** Rows of the pass that is made before. */
  private offered = 0;
  /** Rows so far. */
  private rows = 0;
  /** Those of them that became items or problems. */
  private taken = 0;

  constructor(private readonly options: ReadOptions) {
    const { prompt, system, where = [], columns, sample, seed = 0 } = options;
    this.attachmentColumns = namesOf(options.attachmentColumn);
    this.isIdentity = ROW_OPTIONS.every((option) => options[option] === undefined);
    this.prompt = prompt === undefined ? undefined : parseTemplate(prompt);
    this.system = system === undefined ? undefined : parseTemplate(system);
    this.conditions = where.map(parseCondition);
    const needed = this.neededColumns();
    this.names = new ColumnNames(needed);
    this.known = [...new Set([...needed.keys(), ...OPTIONAL_FIELDS])];
    this.wanted = columns === 'all' ? undefined : this.known;
    this.sampler = sample === undefined ? undefined : new Sampler(sample, seed);
    if (this.sampler !== undefined) this.offer = (row) => this.offerRow(row);
  }

  checkColumns(file: string, columns: readonly string[]): void {
    this.names.checkTable(file, columns);
  }

  checkEnd(input: string): void {
    if (this.rows === 0) return;
    this.names.checkSeen(input);
    if (this.taken > 0 || this.conditions.length === 0) return;
    const conditions = (this.options.where ?? []).map(printable).join(' and ');
    throw new InputError(
      'EMPTY',
      input,
      `no row of ${printable(input)} fulfils ${conditions}: there is nothing to ask`,
    );
  }

  columnOf(field: string): string | undefined {
    switch (field) {
      case 'prompt':
        return columnIn(this.prompt, field);
      case 'system':
        return columnIn(this.system, field);
      case 'id':
        return this.options.idColumn ?? field;
      case 'attachment':
      case 'attachments':
        return this.attachmentColumns.length === 0 ? field : onlyOf(this.attachmentColumns);
      default:
        return undefined;
    }
  }

  map(row: Row): MappedRow {
    if (this.taken === this.options.limit) return 'end';
    const number = this.rows++;
    this.names.see(row.columns);
    // It needs no prompt.
    if (this.isConversation(row)) this.names.see(['prompt']);
    if (!this.isWanted(row) || this.sampler?.has(number) === false) return 'skip';
    this.taken++;
    return this.itemOf(row);
  }

  private isConversation({ json, columns }: Row): boolean {
    return (
      this.prompt === undefined && json !== undefined && (columns.includes('messages') || columns.includes('body'))
    );
  }

  private offerRow(row: Row): void {
    const number = this.offered++;
    if (this.isWanted(row)) this.sampler?.add(number);
  }

  private isWanted(row: Row): boolean {
    return this.conditions.every((condition) => fulfils(this.cells.get(row, condition.column), condition));
  }

  /** Returns the columns that the options name, with what a message says of each. */
  private neededColumns(): Map<string, string> {
    const { idColumn, attachmentColumn, columns } = this.options;
    const needed = new Map<string, string>();
    const need = (use: string, names: readonly (string | undefined)[] = []): void => {
      for (const name of names) if (name !== undefined && !needed.has(name)) needed.set(name, use);
    };
    if (this.prompt === undefined) need(NO_PROMPT, ['prompt']);
    need(', which the prompt names', this.prompt?.columns);
    need(', which the system message names', this.system?.columns);
    need(', which the ids are to come from', [idColumn]);
    need(', which the attachments are to come from', namesOf(attachmentColumn));
    need(
      ', which a condition names',
      this.conditions.map(({ column }) => column),
    );
    need(', which the output is to have', columns === 'all' ? [] : columns);
    return needed;
  }

  private itemOf(row: Row): MappedRow {
    const problems: FieldProblem[] = [];
    const fields = {
      prompt: this.textOf('prompt', this.prompt, row, problems),
      system: this.textOf('system', this.system, row, problems),
      id: this.idOf(row, problems),
      ...this.attachmentsOf(row, problems),
      ...this.requestFields(row),
    };
    const columns = outputColumns(row, this.options.columns, this.cells);
    if (problems.length > 0) return { problems, id: fields.id, columns };
    return { record: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)), columns };
  }

  /** Returns the attachments of a row: a cell has one, or a list. */
  private attachmentsOf(row: Row, problems: FieldProblem[]): Record<string, unknown> {
    if (this.attachmentColumns.length === 0) {
      const value = listed(row, this.fieldOf(row, 'attachments'));
      // A cell of a table with a single path has no brackets.
      const list = row.json === undefined && typeof value === 'string' ? [value] : value;
      const attachments = Array.isArray(list) ? list.map(plain) : plain(list);
      return { attachment: plain(this.fieldOf(row, 'attachment')), attachments };
    }
    const found: unknown[] = [];
    for (const column of this.attachmentColumns) {
      const value = listed(row, this.fieldOf(row, column));
      const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
      const present = texts.filter((text) => !isAbsent(text));
      if (present.some((text) => typeof text !== 'string' || text === '')) {
        problems.push(problemIn(column, 'must be a path or a URL, or a list of them'));
      }
      found.push(...present);
    }
    const [attachment] = found;
    if (found.length < 2) return { attachment };
    return { attachments: found };
  }

  private requestFields(row: Row): Record<string, unknown> {
    if (this.prompt !== undefined || row.json === undefined) return {};
    return Object.fromEntries(REQUEST_FIELDS.map((field) => [field, this.fieldOf(row, field)]));
  }

  /** Returns a field's text by its template, or else the value of its column. */
  private textOf(field: string, template: Template | undefined, row: Row, problems: FieldProblem[]): unknown {
    if (template === undefined)
      return plain(field === 'prompt' ? this.cells.get(row, field) : this.fieldOf(row, field));
    const filled = fillTemplate(template, (column) => this.cells.get(row, column));
    if ('absent' in filled) {
      problems.push(...filled.absent.map((column) => problemIn(column, 'no value')));
      return undefined;
    }
    const { columns } = template;
    const isFilled = columns.length === 0 || columns.some((column) => !this.isBlank(row, column));
    if (isFilled && filled.text.trim() !== '') return filled.text;
    // Nothing but the template itself would be asked.
    problems.push(...columns.map((column) => problemIn(column, 'must not be empty')));
    return undefined;
  }

  private isBlank(row: Row, column: string): boolean {
    return cellText(this.cells.get(row, column)).trim() === '';
  }

  private idOf(row: Row, problems: FieldProblem[]): unknown {
    const { idColumn } = this.options;
    const id = this.fieldOf(row, idColumn ?? 'id');
    if (idColumn !== undefined && id === undefined) problems.push(problemIn(idColumn, 'no id'));
    if (typeof id !== 'bigint') return plain(id);
    return Number.isSafeInteger(Number(id)) ? Number(id) : String(id);
  }

  /** Returns the value of a column that a row need not have. An empty cell of a table has none. */
  private fieldOf(row: Row, column: string): unknown {
    const value = this.cells.get(row, column);
    return isAbsent(value) || (value === '' && row.json === undefined) ? undefined : value;
  }
}

function namesOf(columns: ReadOptions['attachmentColumn'] = []): readonly string[] {
  return typeof columns === 'string' ? [columns] : columns;
}

function onlyOf([column, ...others]: readonly string[]): string | undefined {
  return others.length === 0 ? column : undefined;
}

/** Returns the list that a cell has: in a CSV, which has no other, as JSON. */
function listed({ json }: Row, value: unknown): unknown {
  if (json !== undefined || typeof value !== 'string' || !/^\s*\[\s*"/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    // A path may begin so.
    return value;
  }
}

/** Returns a value that every JSON has. Of what must be text, it is only of interest that it is none. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? [] : {};
}

/** Returns the only column that a field's text comes from. */
function columnIn(template: Template | undefined, field: string): string | undefined {
  if (template === undefined) return field;
  return template.columns.length === 1 ? template.columns[0] : undefined;
}

/** Returns a problem with a cell. */
function problemIn(column: string, message: string): FieldProblem {
  return { column, message };
}
