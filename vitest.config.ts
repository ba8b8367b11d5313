import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // A machine of CI may be slow for a while, and a test that starts fourteen processes in turn then takes more than 30 s. Tests
    // wait for conditions: the limit only ends what hangs.
    testTimeout: 90_000,
    hookTimeout: 30_000,
    // Each integration test has a Redis and some processes of its own: more at a time are slower, not faster.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'test/{unit,simulation}/**/*.test.ts',
            'test/chaos/checker/*.test.js',
            'test/bench/{,report/,stage/}*.test.js',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          // Real processes against real clocks, on machines of CI that others slow down by turns: once more, and told.
          retry: process.env.CI ? 1 : 0,
          // Builds `dist`, which these run; unit tests need neither that nor Redis.
          globalSetup: ['test/helpers/global-setup.ts'],
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary'],
    },
  },
});
