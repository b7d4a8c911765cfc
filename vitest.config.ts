import { defineConfig } from 'vitest/config';

/** Suites that need the built files and a Temporal server: they share one of each. */
const ON_A_SERVER = ['workflows', 'replay', 'plugin', 'package'].map((folder) => `test/${folder}/**/*.test.ts`);

/** Suites that run the built command line: each command is a process or several, on a machine that may be busy. */
const AS_PROCESSES = ['test/cli/*.test.ts', 'test/faults/**/*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [...ON_A_SERVER, ...AS_PROCESSES] },
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
    ],
  },
});
