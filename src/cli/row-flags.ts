import type { Command } from 'commander';
import { z } from 'zod';
import { columnNames } from '../batch/column-name.js';
import type { BatchOptions } from '../batch/options.js';
import type { ReadOptions } from '../batch/read-options.js';
import { constantText, parseTemplate } from '../batch/template.js';
import { UserError } from './errors.js';
import { number } from './number-option.js';
import { collect } from './temporal-flags.js';
import { readBytes } from './text-or-file.js';

/** Flags that say what becomes of the rows of an input, as commander gives them. */
export const rowFlagsShape = {
  prompt: z.string().optional(),
  system: z.string().optional(),
  idColumn: z.string().optional(),
  attachmentColumn: z.array(z.string()).optional(),
  columns: z.array(z.string()).optional(),
  where: z.array(z.string()).optional(),
  limit: z.number().optional(),
  sample: z.number().optional(),
  seed: z.number().optional(),
};
const rowFlagsSchema = z.object(rowFlagsShape);
export type RowFlags = z.infer<typeof rowFlagsSchema>;

/** Adds the flags that say what becomes of rows. */
export function addRowFlags(command: Command): Command {
  return command
    .option('--prompt <template>', "Prompt of each row, as 'Classify: {{text}}', or @file. Default: its column prompt.")
    .option('--system <template>', 'System message of each row, as --prompt.')
    .option('--id-column <name>', 'Column with the ids. Default: id.')
    .option('--attachment-column <name>', 'Column with attachments. Repeatable. Default: attachment.', collect)
    .option('--columns <names>', "Columns that are copied into the output: all, or as 'lang,date'.", collect)
    .option('--where <condition>', "Only rows that fulfil it, as 'lang=de' or 'score>=0.5'. Repeatable.", collect)
    .addOption(number('--limit <n>', 'Only the first rows.'))
    .addOption(number('--sample <n>', 'Only so many rows, from everywhere; the same ones each time.'))
    .addOption(number('--seed <n>', 'Another number is another sample. Default: 0.'));
}

/** Returns what the flags have become of rows, not checked. Throws a `UserError` for a file or a list that cannot be read. */
export async function rowOptionsOf(flags: RowFlags, interrupt: AbortSignal): Promise<Record<string, unknown>> {
  // There are other flags among them.
  const { prompt, system, columns, attachmentColumn, ...others } = rowFlagsSchema.parse(flags);
  const options = {
    ...others,
    prompt: await textOf('--prompt', prompt, interrupt),
    system: await textOf('--system', system, interrupt),
    columns: columnsOf(columns),
    attachmentColumn: attachmentColumn?.length === 1 ? attachmentColumn[0] : attachmentColumn,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function columnsOf(lists: readonly string[] | undefined): ReadOptions['columns'] {
  if (lists === undefined) return undefined;
  if (lists.some((list) => list.trim() === 'all')) return 'all';
  try {
    return lists.flatMap(columnNames);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`--columns: ${error.message}`, { exitCode: 2, cause: error });
  }
}

/** A longer template is refused anyway. */
const TEMPLATE_LIMITS = {
  maxBytes: 1_000_000,
  tooLarge: 'is too large for a template',
  unreadable: 'cannot be read; for a text that begins with @ write @@',
};

/** Returns a flag's text, or that of the file which it names behind an `@`; of two the first stands for itself. */
async function textOf(flag: string, text: string | undefined, interrupt: AbortSignal): Promise<string | undefined> {
  if (text?.startsWith('@') !== true) return text;
  return text.startsWith('@@') ? text.slice(1) : await readTemplate(flag, text.slice(1), interrupt);
}

async function readTemplate(flag: string, path: string, interrupt: AbortSignal): Promise<string> {
  const bytes = await readBytes(flag, path, interrupt, TEMPLATE_LIMITS);
  try {
    // The last line end is the editor's.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch (error) {
    throw new UserError(`${flag}: ${path} is not UTF-8`, { exitCode: 2, cause: error });
  }
}

/** What an input is read by, and a run is asked with. */
interface Asked {
  readonly read: ReadOptions;
  readonly options: BatchOptions;
}

/** Makes a system message that no column is in one of the run: it need not be repeated in each record. */
export function withConstantSystem({ read: { system, ...read }, options }: Asked): Asked {
  if (system === undefined) return { read, options };
  const text = constantText(parseTemplate(system));
  return text === undefined ? { read: { ...read, system }, options } : { read, options: { ...options, system: text } };
}
