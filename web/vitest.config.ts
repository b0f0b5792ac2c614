import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { emoji } from './emojidata.ts';
import { messages } from './messages.ts';

// The browser condition makes Svelte's runes run as they do in the page; without it they are the
// server's.
export default defineConfig({
  plugins: [svelte(), emoji(), messages()],
  resolve: { conditions: ['browser'] },
  test: { include: ['src/**/*.test.ts'], environment: 'node', pool: 'threads', setupFiles: ['test/english.ts'], testTimeout: 10_000 },
});
