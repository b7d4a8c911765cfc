import type { LocalTestWorkflowEnvironmentOptions } from '@temporalio/testing';
import { temporalProgram } from '../embedded/processes-of-test.js';

/** Options of a local Temporal server from our own finder, with more arguments of `temporal server start-dev`. */
export async function devServer(...extraArgs: readonly string[]): Promise<LocalTestWorkflowEnvironmentOptions> {
  return {
    server: {
      executable: { type: 'existing-path', path: await temporalProgram() },
      log: { format: 'pretty', level: 'error' },
      extraArgs: [...extraArgs],
    },
  };
}

/** Makes the server suggest to continue as new after so many events, instead of 4,096. */
export function suggestContinueAsNewAfter(events: number): string[] {
  return ['--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${events}`];
}
