import { LanePool, type PoolMember } from './lane-pool.js';
import { PackLanes } from './pack-lanes.js';

/** The lane pools of a worker: one for each run that has a pack on it. */
export class LanePools {
  private readonly pools = new Map<string, { readonly pool: LanePool; users: number }>();

  /** The lanes of a pack of a run, for as long as `use` takes. They are out of the pool when this has resolved. */
  async with(
    run: string,
    share: Pick<PoolMember, 'own' | 'questions' | 'last'>,
    use: (lanes: PackLanes) => Promise<void>,
  ): Promise<void> {
    const entry = this.pools.get(run) ?? { pool: new LanePool(), users: 0 };
    this.pools.set(run, entry);
    entry.users++;
    const lanes = new PackLanes(entry.pool, share);
    try {
      await use(lanes);
    } finally {
      await lanes.end();
      await lanes.leave();
      if (--entry.users === 0) this.pools.delete(run);
    }
  }
}
