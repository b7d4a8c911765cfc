import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { TestProject } from 'vitest/node';
import { buildIfStale } from './build.js';
import { devServer } from './dev-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of the Temporal server that the run's tests share. */
    temporalAddress: string;
  }
}

/** Builds what is tested and starts one Temporal server for all test files. Ends the server when the run ends. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  buildIfStale();
  const server = await TestWorkflowEnvironment.createLocal(await devServer());
  project.provide('temporalAddress', server.address);
  return () => server.teardown();
}
