import type { RecoveredChunk, RecoverInput } from '../batch/step-contract.js';
import { readItemOrder } from '../store/item-order.js';
import * as store from '../store/recover.js';
import type { ActivityDependencies } from './dependencies.js';
import { translated } from './failures.js';
import { withHeartbeat } from './heartbeat.js';
import { warn } from './warn.js';

/** Finds what an earlier execution of the run has left of a chunk, and the order of its items. Idempotent. */
export function recoverChunk({ storage }: ActivityDependencies, input: RecoverInput): Promise<RecoveredChunk> {
  return translated(() =>
    withHeartbeat(
      () => ({ chunk: input.chunk.chunk }),
      async () => {
        const recovered = await store.recoverChunk(storage, input, warn);
        if (recovered.part !== undefined) return recovered;
        const order = await readItemOrder(storage, input.run, input.chunk, warn);
        return order === undefined ? recovered : { ...recovered, order };
      },
    ),
  );
}
