import { count, time } from '../words.js';
import { localMoment } from './moments.js';
import type { Row, SortKey } from './row-store.js';

/** A column of the table. */
export interface Column {
  readonly name: string;
  /** Also its class: the style gives widths and leaves columns out where there is no room. */
  readonly key: string;
  readonly sort?: SortKey;
  readonly text: (row: Row) => string;
}

/** Characters of a text that a line of the table could ever show. */
const LONGEST = 240;

export const COLUMNS: readonly Column[] = [
  { name: 'Id', key: 'id', sort: 'id', text: ({ id }) => String(id).slice(0, LONGEST) },
  { name: 'Status', key: 'status', sort: 'status', text: ({ kind, truncated }) => kind ?? (truncated ? 'cut' : 'ok') },
  { name: 'Model', key: 'model', sort: 'model', text: ({ model }) => model ?? '–' },
  { name: 'Prompt', key: 'prompt', text: ({ prompt = '' }) => prompt.slice(0, LONGEST) },
  { name: 'Answer or error', key: 'text', text: ({ text }) => text.slice(0, LONGEST) },
  { name: 'Tokens', key: 'tokens', sort: 'tokens', text: ({ tokens }) => (tokens > 0 ? count(tokens) : '–') },
  { name: 'Time', key: 'ms', sort: 'ms', text: ({ ms }) => (ms === undefined ? '–' : time(ms)) },
  { name: 'Answered', key: 'at', sort: 'at', text: ({ at }) => (at === undefined ? '–' : localMoment(at, 'second')) },
];
