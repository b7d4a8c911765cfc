import { z } from 'zod';
import { parseCondition } from './condition.js';
import { parseTemplate } from './template.js';

/** Formats of an input file. */
export const INPUT_FORMATS = ['jsonl', 'json', 'csv', 'tsv', 'parquet'] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

/** How the files of an input are read, and how their rows become items. */
export interface ReadOptions {
  /** Format of all files. Default: each by its content, or else by its extension. */
  readonly format?: InputFormat | undefined;
  /** Character between the cells of a CSV. Default: a comma; a tab for TSV. */
  readonly delimiter?: string | undefined;
  /** The first row of a CSV names its columns; without it they are named 1, 2, 3 …. Default true. */
  readonly header?: boolean | undefined;
  /** Id of each item, with `{{file}}` and `{{row}}` for where it comes from. Default: its own, or its number. */
  readonly idFrom?: string | undefined;
  /**
   * The prompt of each row, with `{{name}}` for its columns. What is in a column is text, numbers and other values as JSON
   * writes them; nothing in it is replaced. `\\{{` is two braces. Default: the column `prompt`.
   */
  readonly prompt?: string | undefined;
  /** System message of each row, as `prompt`. Default: the column `system`, if there is one. */
  readonly system?: string | undefined;
  /** Column with the ids. Default: `id`, if there is one, else the row's number. */
  readonly idColumn?: string | undefined;
  /**
   * Column with the attachment of each row, or with a list of them; several columns make one list in their order. Default:
   * `attachment` and `attachments`, if there are such columns.
   */
  readonly attachmentColumn?: string | readonly string[] | undefined;
  /** Columns that are copied into the output, under `columns`, as they are. Default: none. */
  readonly columns?: 'all' | readonly string[] | undefined;
  /**
   * What rows must fulfil, such as `lang=de` or `score>=0.5`, with `=`, `!=`, `<`, `<=`, `>`, `>=`, and `~` for "contains".
   * All of them; rows that do not are left out. Default: nothing.
   */
  readonly where?: readonly string[] | undefined;
  /** Maximum number of rows: the first ones. Default: all. */
  readonly limit?: number | undefined;
  /** Number of rows that are chosen from everywhere in the input, always the same ones. Default: all. */
  readonly sample?: number | undefined;
  /** Chooses another sample. Default 0. */
  readonly seed?: number | undefined;
}

/** Maximum length of a template (characters): the start of a workflow carries it. */
const MAX_TEMPLATE_LENGTH = 100_000;

/** Maximum size of a sample: its rows are known by 16 bytes each. */
const MAX_SAMPLE = 10_000_000;

/** A text that a function reads, which throws a `RangeError` for one that it cannot read. */
function readable(read: (text: string) => unknown): z.ZodString {
  return z.string().check(({ value, issues }) => {
    try {
      read(value);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      issues.push({ code: 'custom', input: value, message: error.message });
    }
  });
}

const template = readable(parseTemplate).min(1).max(MAX_TEMPLATE_LENGTH);

/** The schema of {@link ReadOptions}. */
export const readOptionsSchema = z
  .strictObject({
    format: z.enum(INPUT_FORMATS).optional(),
    delimiter: z
      .string()
      .refine((text) => [...text].length === 1 && !/["\r\n]/.test(text), 'one character, and no quote or line end')
      .optional(),
    header: z.boolean().optional(),
    idFrom: z.string().min(1).optional(),
    prompt: template.optional(),
    system: template.optional(),
    idColumn: z.string().min(1).optional(),
    attachmentColumn: z.union([z.string().min(1), z.array(z.string().min(1)).nonempty().readonly()]).optional(),
    columns: z.union([z.literal('all'), z.array(z.string().min(1)).nonempty().readonly()]).optional(),
    where: z.array(readable(parseCondition)).readonly().optional(),
    limit: z.int().min(1).optional(),
    sample: z.int().min(1).max(MAX_SAMPLE).optional(),
    seed: z.int().min(0).optional(),
  })
  .refine(({ idFrom, idColumn }) => idFrom === undefined || idColumn === undefined, {
    path: ['idColumn'],
    message: 'the ids are made by a template: give one of the two',
  })
  .refine(({ limit, sample }) => limit === undefined || sample === undefined, {
    path: ['sample'],
    message: 'a sample has its own number of rows: give it, or a limit',
  })
  .refine(({ seed, sample }) => seed === undefined || sample !== undefined, {
    path: ['seed'],
    message: 'only a sample has one',
  }) satisfies z.ZodType<ReadOptions>;
