import type { Endpoint } from '../dria/endpoint.js';
import type { Storage } from '../storage/storage.js';
import type { Journals } from './journals.js';
import type { LanePools } from './lane-pools.js';
import type { Tracing } from './tracing.js';
import type { Withdrawals } from './withdrawals.js';

/** What the activities of one worker share. */
export interface ActivityDependencies {
  readonly storage: Storage;
  /** The one endpoint this worker serves; the key stays inside. */
  readonly endpoint: Endpoint;
  /** Aborted when the worker is about to leave: packs end after the request under way and hand back the rest. */
  readonly drain?: AbortSignal;
  /** What is being written and was read of the chunks under way. */
  readonly journals: Journals;
  /** Absent when nobody traces. */
  readonly tracing?: Tracing;
  /** The lanes of the packs under way. */
  readonly lanePools: LanePools;
  /** Heard by the packs under way. */
  readonly withdrawals: Withdrawals;
}
