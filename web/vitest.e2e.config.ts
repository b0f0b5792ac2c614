import { defineConfig } from 'vitest/config';

// The page in Chromium against a real Hubbub: HUBBUB_BIN names the binary to start, or HUBBUB_URL a running server
// (then HUBBUB_RESTART_CMD, if set, is a shell command that kills it and starts it again).
export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    environment: 'node',
    fileParallelism: false, // one browser at a time is enough for a small machine
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
