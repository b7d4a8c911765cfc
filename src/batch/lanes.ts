/** A started chunk as the parent sees it. */
export interface ChunkLanes {
  readonly chunk: number;
  /** Lanes that the chunk has and has not given back. */
  readonly held: number;
  /** Lanes that it could use beside those, as far as known. */
  readonly waiting: number;
}

/** What the parent does with its free lanes. */
export interface LaneGrants {
  /** More lanes for started chunks. */
  readonly grants: readonly { readonly chunk: number; readonly lanes: number }[];
  /** Lanes for the next chunks to start, one entry a chunk, in the order of the input. */
  readonly starts: readonly number[];
}

/** The parent's situation when it looks at its lanes. */
export interface LaneSituation {
  /** Lanes of the run. */
  readonly concurrency: number;
  readonly started: readonly ChunkLanes[];
  /** Lanes that the next chunks to start could use, one entry a chunk; every entry at least 1. */
  readonly unstarted: readonly number[];
}

/**
 * Gives free lanes first to started chunks that could use more, then to the next chunks. Never grants more
 * than the run's lanes; when more are held than there should be (the bound was lowered), grants none.
 */
export function grantLanes({ concurrency, started, unstarted }: LaneSituation): LaneGrants {
  let free = Math.max(0, concurrency - started.reduce((sum, { held }) => sum + held, 0));
  const take = (wanted: number): number => {
    const lanes = Math.min(free, wanted);
    free -= lanes;
    return lanes;
  };
  const grants = started
    .map(({ chunk, waiting }) => ({ chunk, lanes: take(waiting) }))
    .filter(({ lanes }) => lanes > 0);
  const starts = unstarted.map(take).filter((lanes) => lanes > 0);
  return { grants, starts };
}
