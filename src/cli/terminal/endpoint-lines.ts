import { dollarText } from '../../batch/cost.js';
import type { EndpointProgress } from '../../batch/progress.js';
import { formatCount, formatShort } from './format.js';
import { type Column, tableLines } from './table.js';
import { clip } from './text.js';

/** Width that a page is written for. */
const WIDTH = 80;

const COLUMNS: readonly Column<EndpointProgress>[] = [
  { title: 'ENDPOINT', align: 'left', value: ({ name }) => name, most: 30 },
  { title: 'SENT', align: 'right', value: ({ sent }) => formatCount(sent) },
  { title: 'OK', align: 'right', value: ({ ok }) => formatCount(ok) },
  { title: 'FAILED', align: 'right', value: ({ failed }) => formatCount(failed) },
  { title: 'TOKENS', align: 'right', value: ({ tokens }) => formatShort(tokens) },
  { title: 'COST', align: 'right', value: ({ costUsd }) => (costUsd === undefined ? '-' : dollarText(costUsd)) },
  { title: '', align: 'left', value: ({ down }) => (down ? 'down' : '') },
];

/** Returns what each endpoint of a run has done, a line each under a heading. */
export function endpointLines(endpoints: readonly EndpointProgress[]): string[] {
  return tableLines(COLUMNS, endpoints).map((line) => clip(line, WIDTH));
}
