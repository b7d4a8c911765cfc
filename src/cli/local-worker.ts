import { DefaultLogger, NativeConnection, type NativeConnectionOptions, Runtime } from '@temporalio/worker';
import { createBatchWorker } from '../worker.js';

/** A worker in this process. */
export interface LocalWorker {
  /** Rejects when the worker cannot go on; resolves when it has left. */
  readonly done: Promise<void>;
  /** Ends after the requests under way, which are kept; gives back all that was not begun. Idempotent. */
  leave(): Promise<void>;
}

/** What a worker in this process serves. */
export interface LocalWorkerOptions {
  readonly taskQueue: string;
  readonly storage: string;
  readonly baseUrl: string;
  /** Requests in flight at most. */
  readonly maxRequests: number;
  /** How long requests under way may take to end when the worker leaves, ms. */
  readonly shutdownGraceMs: number;
  /** Tells of trouble inside the SDK. */
  readonly onLog: (message: string) => void;
}

/** Starts a worker that runs batches. */
export async function startLocalWorker(
  options: LocalWorkerOptions & { readonly connection: NativeConnectionOptions; readonly namespace: string },
): Promise<LocalWorker> {
  installRuntime(options.onLog);
  const { connection: connectionOptions, onLog: _log, ...worker } = options;
  const drain = new AbortController();
  const connection = await NativeConnection.connect(connectionOptions);
  const created = await createBatchWorker({ ...worker, connection, drain: drain.signal });
  const done = created.run().finally(() => connection.close());
  // Whoever waits for the run looks at `done` too; until then a rejection has somebody.
  done.catch(() => undefined);
  return {
    done,
    leave: async () => {
      drain.abort();
      if (created.getState() === 'RUNNING') created.shutdown();
      await done.catch(() => undefined);
    },
  };
}

let installed = false;

/** The SDK's native side for this process: quiet, and leaving signals to the command. */
function installRuntime(onLog: (message: string) => void): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      // The SDK warns of every attempt that fails; a person sees those in the display. What our activities say counts.
      if (level !== 'ERROR' && meta?.sdkComponent !== 'activity') return;
      const error = meta?.error;
      onLog(error instanceof Error ? `${message}: ${error.message}` : message);
    }),
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
  });
}
