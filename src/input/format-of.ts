import type { InputFormat } from '../batch/read-options.js';

const PARQUET = Buffer.from('PAR1');

/** Formats by extension. `.json` may hold either; what is no array is taken for lines. */
const BY_EXTENSION: ReadonlyMap<string, InputFormat> = new Map([
  ['.jsonl', 'jsonl'],
  ['.ndjson', 'jsonl'],
  ['.json', 'jsonl'],
  ['.csv', 'csv'],
  ['.tsv', 'tsv'],
  ['.tab', 'tsv'],
  ['.parquet', 'parquet'],
  ['.pq', 'parquet'],
]);

/**
 * Returns the format of a file by its first bytes, or else by its extension. A table is known by its content alone if its
 * first line has one of `columns`.
 */
export function formatOf(head: Buffer, extension: string, columns: readonly string[] = ['prompt']): InputFormat {
  if (head.subarray(0, PARQUET.length).equals(PARQUET)) return 'parquet';
  const byName = BY_EXTENSION.get(extension);
  const text = head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  if (/^\{\s*["}]/.test(text)) return 'jsonl';
  const isTable = byName === 'csv' || byName === 'tsv';
  const isArray = /^\[\s*([{\]]|$)/.test(text) || (text.startsWith('[') && extension === '.json');
  if (isArray && !isTable) return 'json';
  if (byName !== undefined && byName !== 'parquet') return byName;
  return tableOf(text, columns) ?? 'jsonl';
}

function tableOf(text: string, columns: readonly string[]): 'csv' | 'tsv' | undefined {
  const [line = ''] = text.split(/\r?\n/, 1);
  const names = line.split(/[\t,;|]/).map((name) => name.trim().replace(/^"(.*)"$/, '$1'));
  if (!names.some((name) => columns.includes(name))) return undefined;
  return line.includes('\t') && !line.includes(',') ? 'tsv' : 'csv';
}
