import type { ReadOptions } from '../batch/read-options.js';
import type { DetectedFile } from './detect.js';
import { openCsvRows } from './formats/csv.js';
import { openJsonArrayRows } from './formats/json-array.js';
import { openJsonlRows } from './formats/jsonl.js';
import type { RowSource } from './rows.js';

/** Opens the records of a file. Throws an `InputError` for one that has none, or cannot be read. */
export async function openRows(detected: DetectedFile, options: ReadOptions): Promise<RowSource> {
  switch (detected.format) {
    case 'jsonl':
      return openJsonlRows(detected);
    case 'json':
      return openJsonArrayRows(detected);
    case 'csv':
    case 'tsv':
      return await openCsvRows(detected, options);
    case 'parquet': {
      const { openParquetRows } = await import('./formats/parquet.js');
      return await openParquetRows(detected);
    }
  }
}
