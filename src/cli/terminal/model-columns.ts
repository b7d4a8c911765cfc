import type { ModelProgress } from '../../batch/progress.js';
import { formatCount, formatShort } from './format.js';
import type { Column } from './table.js';

/** Longer names of models are clipped, so that a line stays within 80 columns. */
const LONGEST_NAME = 30;

/** What each model did in a run, and how fast it is. */
export const MODEL_STATUS_COLUMNS: readonly Column<ModelProgress>[] = [
  { title: 'model', align: 'left', value: ({ id }) => id, most: 20 },
  { title: '', align: 'left', value: ({ down }) => (down ? 'down' : '') },
  { title: 'nodes', align: 'right', value: ({ nodes }) => formatCount(nodes) },
  { title: 'sent', align: 'right', value: ({ sent }) => formatCount(sent) },
  { title: 'ok', align: 'right', value: ({ ok }) => formatCount(ok) },
  { title: 'failed', align: 'right', value: ({ failed }) => formatCount(failed) },
  { title: 'fallbacks', align: 'right', value: ({ fallbacks }) => formatCount(fallbacks) },
  { title: 'tokens', align: 'right', value: ({ tokens }) => formatShort(tokens) },
  {
    title: 'tok/s',
    align: 'right',
    value: ({ tokensPerSecond }) => (tokensPerSecond === undefined ? '-' : formatShort(Math.round(tokensPerSecond))),
  },
];

/** What each model did in a run. That it is down comes early: a narrow terminal clips the end. */
export const MODEL_PROGRESS_COLUMNS: readonly Column<ModelProgress>[] = [
  { title: 'model', align: 'left', value: ({ id }) => id, most: LONGEST_NAME },
  { title: '', align: 'left', value: ({ down }) => (down ? 'down' : '') },
  { title: 'nodes', align: 'right', value: ({ nodes }) => formatCount(nodes) },
  { title: 'ok', align: 'right', value: ({ ok }) => formatCount(ok) },
  { title: 'failed', align: 'right', value: ({ failed }) => formatCount(failed) },
  { title: 'fallbacks', align: 'right', value: ({ fallbacks }) => formatCount(fallbacks) },
  { title: 'tokens', align: 'right', value: ({ tokens }) => formatShort(tokens) },
];
