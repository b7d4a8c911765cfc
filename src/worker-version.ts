import type { WorkerOptions } from '@temporalio/worker';

/** A version of a worker deployment. */
export interface WorkerVersion {
  /** Name of the deployment. */
  readonly deploymentName: string;
  /** Id of this version of it. */
  readonly buildId: string;
}

/** Returns the options of a worker that takes part in Worker Versioning. */
export function versioningOf(version: WorkerVersion | undefined): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  if (version === undefined) return {};
  return {
    workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' },
  };
}
