import { defineConfig } from 'vitest/config';

// The page in Chromium against a real Hubbub: HUBBUB_BIN names the binary to start, or HUBBUB_URL a
// running server (then HUBBUB_RESTART_CMD, if set, is a shell command that kills it and starts it
// again).
export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    environment: 'node',
    // Each file has a server of its own, and mostly waits for it and the browser. A server that is
    // named they would share.
    maxWorkers: process.env['HUBBUB_URL'] ? 1 : 2,
    isolate: false, // the files that a process runs share its browser
    testTimeout: 240_000, // however much else the machine does
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
