import type { Endpoint } from '../dria/endpoint.js';
import type { NamedEndpoints } from '../dria/named-endpoint.js';
import type { Storage } from '../storage/storage.js';
import type { ChunkLogs } from '../store/chunk-logs.js';
import type { Webhooks } from '../webhook/webhooks.js';
import type { SharedRuns } from './shared-runs.js';
import type { Tracing } from './tracing.js';
import type { Withdrawals } from './withdrawals.js';

/** What the activities of one worker share. */
export interface ActivityDependencies {
  readonly storage: Storage;
  /** Whose runs are served; absent without tenants. */
  readonly tenant?: string | undefined;
  /** The endpoint of runs that name none; the key stays inside. */
  readonly endpoint: Endpoint;
  /** Those that runs may name. Absent: none. */
  readonly endpoints?: NamedEndpoints | undefined;
  /** Aborted when the worker is about to leave: packs end after their requests in flight and hand back the rest. */
  readonly drain?: AbortSignal;
  /** What is written and was read of the chunks that have packs here. */
  readonly logs: ChunkLogs;
  readonly runs: SharedRuns;
  /** Absent without tracing. */
  readonly tracing?: Tracing;
  readonly withdrawals: Withdrawals;
  /** Absent if this worker sends none. */
  readonly webhooks?: Webhooks;
  /** Takes only runs that were staged in its storage by who uses it; see `DriaBatchPluginOptions`. */
  readonly stagedOnly?: boolean;
}
