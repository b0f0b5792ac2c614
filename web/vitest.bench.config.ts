import { defineConfig } from 'vitest/config';

// What the page costs, printed: it asserts nothing, and takes minutes.
export default defineConfig({
  test: { include: ['bench/**/*.bench.ts'], environment: 'node', maxWorkers: 1, testTimeout: 1_800_000, hookTimeout: 300_000, disableConsoleIntercept: true },
});
