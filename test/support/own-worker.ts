import { Worker, type WorkerOptions } from '@temporalio/worker';
import { onTestFinished } from 'vitest';
import type { World } from './batch-world.js';
import { BUNDLE } from './build.js';

/** Runs a worker beside the world's own, with the built bundle unless the options have another. It ends with the test. */
export async function ownWorker(world: World, options: Partial<WorkerOptions> & { readonly taskQueue: string }) {
  const worker = await Worker.create({
    connection: world.native,
    ...(options.workflowsPath === undefined ? { workflowBundle: { codePath: BUNDLE } } : {}),
    ...options,
  });
  const ended = worker.run();
  const stop = async (): Promise<void> => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    await ended;
  };
  onTestFinished(stop);
  return { stop };
}
