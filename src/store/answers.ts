import type { Storage } from '../storage/storage.js';
import type { AnswerSummary } from './outcome-index.js';
import { type OutputLine, parseOutputLine } from './output-line.js';

/** Reads the text of an answer, or what vectors it has, in words; undefined if it was not read from a segment. */
export async function readAnswerText(storage: Storage, { place }: AnswerSummary): Promise<string | undefined> {
  if (place === undefined) return undefined;
  const line = await storage.getRange(place.segment, place.start, place.start + place.bytes);
  const answer = parseOutputLine(Buffer.from(line));
  return answer.output ?? vectorsOf(answer);
}

function vectorsOf({ embedding, embeddings }: OutputLine): string | undefined {
  if (embeddings !== undefined) return embeddings.length === 1 ? '1 vector' : `${embeddings.length} vectors`;
  if (embedding === undefined) return undefined;
  return Array.isArray(embedding) ? `a vector of ${embedding.length} numbers` : 'a vector';
}
