import { defineConfig } from 'vitest/config';

/** Suites that need the built files and a Temporal server: they share one of each. */
const ON_A_SERVER = ['workflows', 'replay', 'plugin', 'package'].map((folder) => `test/${folder}/**/*.test.ts`);

/** Suites that run the built command line: each command is a process or several, on a machine that may be busy. */
const AS_PROCESSES = [
  'test/cli/*.test.ts',
  'test/docs/*.test.ts',
  'test/faults/**/*.test.ts',
  'test/telemetry/runs/*.test.ts',
];

/** A whole cluster as processes: only when it is asked for (`npm run test:cluster`). */
const AS_A_CLUSTER = ['test/cluster/**/*.test.ts'];

const CLUSTER_PROJECT = {
  extends: true,
  test: { name: 'cluster', include: AS_A_CLUSTER, testTimeout: 300_000, hookTimeout: 900_000 },
} as const;

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Most suites wait for other processes most of their time: two at once, also where there are no more cores.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...ON_A_SERVER, ...AS_PROCESSES, ...AS_A_CLUSTER],
        },
      },
      {
        extends: true,
        test: {
          name: 'server',
          include: ON_A_SERVER,
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'cli',
          include: AS_PROCESSES,
          globalSetup: ['test/support/build-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      ...(process.env.CLUSTER_TESTS === undefined ? [] : [CLUSTER_PROJECT]),
    ],
  },
});
