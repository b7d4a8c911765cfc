import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { MixedOrder } from './test/support/mixed-order.js';

/** Suites that need the built files and a Temporal server: they share one of each. */
const ON_A_SERVER = ['workflows', 'wild', 'replay', 'plugin', 'package'].map((folder) => `test/${folder}/**/*.test.ts`);

/** Suites that run the built command line: each command is a process or several, on a machine that may be busy. */
const AS_PROCESSES = [
  'test/cli/*.test.ts',
  'test/docs/*.test.ts',
  'test/embedded/{kills,sharing,trouble,web-pages}.test.ts',
  'test/faults/**/*.test.ts',
  'test/telemetry/runs/*.test.ts',
];

/** A whole cluster as processes: only when it is asked for (`npm run test:cluster`). */
const AS_A_CLUSTER = ['test/cluster/**/*.test.ts'];

const CLUSTER_PROJECT = {
  extends: true,
  test: { name: 'cluster', include: AS_A_CLUSTER, testTimeout: 300_000, hookTimeout: 900_000 },
} as const;

/** Projects that have the packed package installed, with an SDK of their own: only by `npm run test:package`. */
const AS_PROJECTS = ['test/package/projects.test.ts'];

const PACKAGE_PROJECT = {
  extends: true as const,
  test: {
    name: 'package',
    include: AS_PROJECTS,
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
};

/** Servers of other people, answered by a real model: only by `npm run test:real`. */
const AS_REAL = ['test/real/**/*.test.ts'];

const REAL_PROJECT = {
  extends: true as const,
  test: { name: 'real', include: AS_REAL, testTimeout: 300_000, hookTimeout: 120_000 },
};

/** What `npm run build` writes: Node imports it as users do, without a transformation. */
const BUILT = new RegExp(`^${fileURLToPath(new URL('./dist/', import.meta.url)).replace(/[^\w/]/g, '\\$&')}`);

export default defineConfig({
  test: {
    server: { deps: { external: [BUILT] } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Most suites wait for other processes most of their time: four at once, also where there are but two cores.
    maxWorkers: 4,
    sequence: { sequencer: MixedOrder },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...ON_A_SERVER, ...AS_PROCESSES, ...AS_A_CLUSTER, ...AS_REAL],
          setupFiles: ['test/support/closed-files.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'server',
          include: ON_A_SERVER,
          exclude: AS_PROJECTS,
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
      ...(process.env.REAL_TESTS === undefined ? [] : [REAL_PROJECT]),
      ...(process.env.PACKAGE_TESTS === undefined ? [] : [PACKAGE_PROJECT]),
    ],
  },
});
