import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { emoji } from './emojidata.ts';

// The browser condition makes Svelte's runes run as they do in the page; without it they are the
// server's.
export default defineConfig({
  plugins: [svelte(), emoji()],
  resolve: { conditions: ['browser'] },
  test: { include: ['src/**/*.test.ts'], environment: 'node', testTimeout: 10_000 },
});
