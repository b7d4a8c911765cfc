import type { Storage } from '../storage/storage.js';
import type { AnswerSummary } from './outcome-index.js';
import { parseOutputLine } from './output-line.js';

/** Reads the text of an answer; undefined if it was not read from a segment. */
export async function readAnswerText(storage: Storage, { place }: AnswerSummary): Promise<string | undefined> {
  if (place === undefined) return undefined;
  const line = await storage.getRange(place.segment, place.start, place.start + place.bytes);
  return parseOutputLine(Buffer.from(line)).output;
}
