import { cellJson } from '../batch/cell.js';
import { fieldRanges } from './field-text.js';
import { columnsIn, onOneLine } from './record-line.js';
import type { RowCells } from './row-cells.js';
import type { Row } from './rows.js';

/**
 * Returns what an item's output line has of its row, as the text of a JSON object: the chosen columns as they are, so that numbers
 * keep their digits where the file is JSON. Without a choice, what the row has for it under `columns`.
 */
export function outputColumns(
  row: Row,
  chosen: 'all' | readonly string[] | undefined,
  cells: RowCells,
): string | undefined {
  const { json } = row;
  if (chosen === undefined) return ownColumns(row);
  if (json === undefined)
    return objectText((chosen === 'all' ? row.columns : chosen).map((name) => [name, cellJson(cells.get(row, name))]));
  return chosen === 'all' ? onOneLine(json.trim()) : objectText(chosenFields(Buffer.from(json), chosen));
}

/** Returns what a row has for the output under `columns`, as it writes it. */
export function ownColumns({ json, columns }: Row): string | undefined {
  return json === undefined || !columns.includes('columns') ? undefined : columnsIn(Buffer.from(json));
}

/** Returns those of the chosen fields that an object has, in the order of the choice, as the object writes them. */
function chosenFields(object: Buffer, chosen: readonly string[]): [name: string, json: string][] {
  const texts = new Map<string, string>();
  for (const [name, from, to] of fieldRanges(object)) {
    if (chosen.includes(name)) texts.set(name, onOneLine(object.toString('utf8', from, to).trim()));
  }
  return chosen.flatMap((name): [string, string][] => {
    const text = texts.get(name);
    return text === undefined ? [] : [[name, text]];
  });
}

function objectText(fields: readonly (readonly [name: string, json: string])[]): string {
  return `{${fields.map(([name, json]) => `${cellJson(name)}:${json}`).join(',')}}`;
}
