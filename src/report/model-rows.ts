import type { RunAbout } from './about.js';
import type { Figures } from './figures.js';
import { Latencies } from './latency.js';

/** All that the page says of a model. */
export interface ModelRow {
  readonly id: string;
  readonly ok: number;
  readonly failed: number;
  readonly tokens: number;
  readonly fallbacks: number;
  /** Absent where it is not known. */
  readonly nodes: number | undefined;
  readonly latencies: Latencies;
}

/** The models that had something to do or have nodes, those with most items first. */
export function modelRows(about: Pick<RunAbout, 'models'>, figures: Figures): ModelRow[] {
  const known = new Map(about.models.map((model) => [model.id, model]));
  const ids = [...new Set([...known.keys(), ...figures.models.keys()])];
  const rows = ids.map((id): ModelRow => {
    const { ok = 0, failed = 0, tokens = 0, latencies = new Latencies() } = figures.models.get(id) ?? {};
    const { nodes, fallbacks = 0 } = known.get(id) ?? {};
    return { id, ok, failed, tokens, fallbacks, nodes, latencies };
  });
  return rows
    .filter(({ ok, failed, fallbacks, nodes = 0 }) => ok + failed + fallbacks + nodes > 0)
    .sort((a, b) => b.ok + b.failed - a.ok - a.failed || (a.id < b.id ? -1 : 1));
}
