import { z } from 'zod';
import { sealed } from '../storage/seal.js';
import type { Storage } from '../storage/storage.js';
import { getSealed } from './json.js';
import { runDirectory } from './run-directory.js';

const givenChunkSchema = z.object({
  /** Items whose last line was given, an answer or an invalid input line, as ranges. */
  final: z.string(),
  /** Items whose failure was given: an answer may follow. As ranges. */
  failed: z.string(),
  /** SHA-256 of the part whose lines were all given. */
  part: z.string().optional(),
});

/** What was given of a chunk's lines. */
export type GivenChunk = z.output<typeof givenChunkSchema>;

const givenSchema = z.object({
  version: z.literal(1),
  /** By the number of the chunk. */
  chunks: z.array(givenChunkSchema).readonly(),
});

/** What a reader of a run's new lines was given so far. */
export interface Cursor {
  /** Number of the move that led here; 0 before the first. */
  readonly move: number;
  /** By the number of the chunk; chunks after the last one have given nothing. */
  readonly chunks: readonly GivenChunk[];
}

/** Digits of a move in a key: keys sort by it. */
const DIGITS = 12;

/** Reads a cursor; one that nobody has moved yet is at the beginning. Throws `DAMAGED` for one that cannot be read. */
export async function readCursor(storage: Storage, run: string, name: string): Promise<Cursor> {
  const key = (await listMoves(storage, run, name)).at(-1);
  if (key === undefined) return { move: 0, chunks: [] };
  const { chunks } = await getSealed(storage, key, givenSchema);
  return { move: moveOf(key), chunks };
}

/**
 * Moves a cursor on. Each move is an object of its own, so that of two readers under one name the later one cannot take back
 * what the other was given: returns false if another has moved it meanwhile.
 */
export async function moveCursor(
  storage: Storage,
  run: string,
  name: string,
  { move, chunks }: Cursor,
): Promise<boolean> {
  const next = move + 1;
  const key = `${runDirectory(run).cursors(name)}${String(next).padStart(DIGITS, '0')}.json`;
  const given = { version: 1, chunks } satisfies z.input<typeof givenSchema>;
  if (!(await storage.putNew(key, sealed('', JSON.stringify(given).slice(0, -1))))) return false;
  const moves = await listMoves(storage, run, name);
  await storage.remove(moves.filter((other) => moveOf(other) < next));
  return moves.every((other) => moveOf(other) <= next);
}

/** Returns the keys of a cursor's moves, oldest first. */
async function listMoves(storage: Storage, run: string, name: string): Promise<string[]> {
  const keys = await storage.list(runDirectory(run).cursors(name));
  return keys.filter((key) => Number.isSafeInteger(moveOf(key))).sort();
}

function moveOf(key: string): number {
  return Number(/\/(\d+)\.json$/.exec(key)?.[1]);
}
