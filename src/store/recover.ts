import { addCounts, type Counts, withoutFailures } from '../batch/counts.js';
import { encodeItems } from '../batch/item-ranges.js';
import { askedAs, decodeLayout } from '../batch/layout.js';
import { answerFacts } from '../batch/part-facts.js';
import type { RecoveredChunk, RecoverInput } from '../batch/step-contract.js';
import { sealOf } from '../storage/seal.js';
import type { Storage } from '../storage/storage.js';
import { copyLines } from './copy-lines.js';
import { countHistories } from './count-outcomes.js';
import type { AnswerSummary, OutcomeIndex } from './outcome-index.js';
import { answerHead } from './outcomes.js';
import { errorOf, mapOutputLines } from './output-line.js';
import { findPart, openPart, readPartFacts } from './parts.js';
import { runDirectory } from './run-directory.js';
import { listSegments, type OnWarn, readOutcomes, segmentName } from './segments.js';

/**
 * Finds what an earlier execution of the run has left of a chunk: its part, or the outcomes in its segments. If failed
 * items are to be asked again, only answers are kept: as one new segment that takes the place of all others. Idempotent.
 */
export async function recoverChunk(storage: Storage, input: RecoverInput, onWarn: OnWarn): Promise<RecoveredChunk> {
  const { run, chunk, retryFailed } = input;
  const part = await findPart(storage, run, chunk.chunk, onWarn);
  if (part !== undefined && !(retryFailed && part.counts.failed > 0)) {
    return { part, items: '', counts: part.counts };
  }
  const old = await listSegments(storage, run, chunk.chunk);
  const index = await readOutcomes(storage, run, chunk.chunk, onWarn);
  if (part !== undefined) return await reopen(storage, input, part.counts, index, old);
  const counts = countHistories(index, index.items());
  if (!retryFailed) return { items: encodeItems(index.ended()), counts };
  const answers = [...index.answers.values()].sort((a, b) => a.item - b.item);
  if (answers.length === 0) await storage.remove(old);
  else await replaceSegments(storage, input, copyAnswers(storage, answers), old);
  return { items: encodeItems(answers.map(({ item }) => item)), counts: withoutFailures(counts) };
}

/** Takes a part's answers and those that an earlier execution got for its failed items as a segment: the rest is open. */
async function reopen(
  storage: Storage,
  input: RecoverInput,
  counts: Counts,
  index: OutcomeIndex,
  old: readonly string[],
): Promise<RecoveredChunk> {
  const inPart = new Set<number>();
  const later = (): AnswerSummary[] => [...index.answers.values()].filter(({ item }) => !inPart.has(item));
  const lines = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield* partAnswers(storage, input, inPart);
    yield* copyAnswers(storage, later());
  };
  await replaceSegments(storage, input, lines(), old);
  const items = [...inPart, ...later().map(({ item }) => item)].sort((a, b) => a - b);
  const laterCounts = countHistories(
    index,
    index.items().filter((item) => !inPart.has(item)),
  );
  return {
    reopened: true,
    items: encodeItems(items),
    counts: withoutFailures(addCounts(counts, laterCounts)),
  };
}

/** Yields the answers of a part as a segment's lines and adds their items to `inPart`. */
async function* partAnswers(
  storage: Storage,
  { run, chunk: { chunk, first, layout } }: RecoverInput,
  inPart: Set<number>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stored = await readPartFacts(storage, run, chunk);
  // Without them no times are known: no reason to give the answers up.
  const facts = stored === undefined ? undefined : answerFacts(stored);
  const codes = decodeLayout(layout);
  const lines = mapOutputLines(await openPart(storage, run, chunk), first, (item, line) => {
    // Lines of items that are not asked are found where they came from.
    if (askedAs(codes[item - first] ?? 'invalid') === undefined || errorOf(line) !== undefined) return undefined;
    inPart.add(item);
    const pieces = [Buffer.from(answerHead({ item, ...facts?.get(item) })), line];
    return Buffer.concat([...pieces, Buffer.from(`${sealOf(pieces)}\n`)]);
  });
  for await (const some of lines) yield Buffer.concat(some);
}

function copyAnswers(storage: Storage, answers: readonly AnswerSummary[]): AsyncGenerator<Uint8Array, void, undefined> {
  return copyLines(
    storage,
    answers.flatMap(({ result: _result, place, ...facts }) =>
      place === undefined ? [] : [{ head: answerHead(facts), place }],
    ),
  );
}

async function replaceSegments(
  storage: Storage,
  { run, chunk }: RecoverInput,
  lines: AsyncIterable<Uint8Array>,
  old: readonly string[],
): Promise<void> {
  await storage.putStream(runDirectory(run).segment(chunk.chunk, segmentName()), lines);
  await storage.remove(old);
}
