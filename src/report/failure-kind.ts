import { failureKind } from '../batch/counts.js';
import { clipped } from './words.js';

/** Characters of a kind at most: what is before an error's first colon may be anything. */
const LONGEST_KIND = 60;

/** The kind of an error as the page shows it: `503`, `timeout`, … */
export function shownKind(error: string): string {
  return clipped(failureKind(error), LONGEST_KIND);
}
