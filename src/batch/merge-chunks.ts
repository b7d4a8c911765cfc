import { type ChunkModels, decodeModels, encodeModels } from './chunk-models.js';
import { askedAs, decodeLayout, type LayoutRun, layoutOfRuns, layoutRuns } from './layout.js';
import type { ChunkManifest, Manifest } from './manifest.js';
import { MAX_CHUNK_SIZE } from './options.js';

/** Maximum characters of the layout and the models of a merged chunk: they are arguments of its workflow. */
const MAX_LAYOUT = 40_000;

/** A chunk that takes the place of some that follow one another. */
export interface MergedChunk {
  readonly chunk: ChunkManifest;
  /** The chunks as they were, 1 or more. */
  readonly from: readonly ChunkManifest[];
}

/**
 * Joins chunks that follow one another, as long as together they ask no more items than a chunk has and are no longer than the
 * largest: a chunk of which most is answered already costs as much as one that asks all.
 */
export function mergeChunks({ chunks, chunkSize }: Pick<Manifest, 'chunks' | 'chunkSize'>): MergedChunk[] {
  const merged: MergedChunk[] = [];
  let open: OpenChunk | undefined;
  const end = (): void => {
    if (open !== undefined) merged.push(ended(open, merged.length));
  };
  for (const chunk of chunks) {
    const next = openChunk(chunk);
    const joined: OpenChunk | undefined = open === undefined ? next : join(open, next);
    if (open === undefined || fits(joined, chunkSize)) open = joined;
    else {
      end();
      open = next;
    }
  }
  end();
  return merged;
}

/** Returns a manifest with its chunks joined. */
export function withMergedChunks(manifest: Manifest): Manifest {
  return { ...manifest, chunks: mergeChunks(manifest).map(({ chunk }) => chunk) };
}

interface OpenChunk {
  readonly from: readonly ChunkManifest[];
  readonly runs: readonly LayoutRun[];
  readonly characters: number;
  readonly items: number;
  readonly asked: number;
}

function openChunk(chunk: ChunkManifest): OpenChunk {
  const runs = layoutRuns(chunk.layout);
  const sum = (some: readonly LayoutRun[]): number => some.reduce((total, { count }) => total + count, 0);
  const asked = sum(runs.filter(({ code }) => askedAs(code) !== undefined));
  return {
    from: [chunk],
    runs,
    characters: chunk.layout.length + (chunk.models?.items.length ?? 0),
    items: sum(runs),
    asked,
  };
}

function join(a: OpenChunk, b: OpenChunk): OpenChunk {
  return {
    from: [...a.from, ...b.from],
    runs: [...a.runs, ...b.runs],
    characters: a.characters + b.characters,
    items: a.items + b.items,
    asked: a.asked + b.asked,
  };
}

function fits({ items, asked, characters }: OpenChunk, chunkSize: number): boolean {
  return items <= MAX_CHUNK_SIZE && asked <= chunkSize && characters <= MAX_LAYOUT;
}

function ended({ from, runs }: OpenChunk, chunk: number): MergedChunk {
  const copies = from.reduce((sum, one) => sum + (one.copies ?? 0), 0);
  const first = from[0]?.first ?? 0;
  const models = joinedModels(from);
  return {
    chunk: {
      chunk,
      first,
      layout: layoutOfRuns(runs),
      ...(copies === 0 ? {} : { copies }),
      ...(models === undefined ? {} : { models }),
    },
    from,
  };
}

function joinedModels(from: readonly ChunkManifest[]): ChunkModels | undefined {
  if (from.every(({ models }) => models === undefined)) return undefined;
  return encodeModels(
    from.flatMap(({ models, layout }) =>
      models === undefined ? new Array<undefined>(decodeLayout(layout).length).fill(undefined) : decodeModels(models),
    ),
  );
}
