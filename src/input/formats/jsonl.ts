import type { DetectedFile } from '../detect.js';
import { isBlank, type Line, LineSplitter } from '../lines.js';
import type { BadRow, Row, RowBatch, RowSource } from '../rows.js';
import { badRow, jsonRow } from './json-row.js';

/** Opens a JSONL file whose objects are rows. Blank lines are none, but count. */
export function openJsonlRows({ file, content }: DetectedFile): RowSource {
  return {
    columns: undefined,
    async *batches() {
      let batch: (Row | BadRow)[] = [];
      const splitter = new LineSplitter((line) => {
        const row = rowOf(line, file.name);
        if (row !== undefined) batch.push(row);
      });
      const take = (): RowBatch => {
        const full = batch;
        batch = [];
        return full;
      };
      for await (const piece of content()) {
        splitter.push(piece);
        yield take();
      }
      splitter.end();
      yield take();
    },
  };
}

function rowOf({ content, line, tooLong }: Line, file: string): Row | BadRow | undefined {
  if (tooLong) return badRow(line, 'line too long: the limit is 64 MiB');
  if (isBlank(content)) return undefined;
  return jsonRow(content, line, file);
}
