import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { earlyPaint } from './earlypaint.ts';
import { embedded } from './embedbuild.ts';
import { emoji } from './emojidata.ts';
import { icons } from './icons.ts';
import { messages } from './messages.ts';
import { serviceWorker } from './serviceworker.ts';

// Where `npm run dev` finds a running Hubbub; what is not a file of the page is passed on to it.
const server = process.env['HUBBUB_URL'] ?? 'http://localhost:9080';

export default defineConfig({
  // The element's build compresses what is in the folder, the page, too.
  plugins: [icons(), svelte(), emoji(), messages('src/lang/early.ts'), earlyPaint(), serviceWorker(), embedded()],
  // The page finds its files and its server from where it is itself, so it may be under any path.
  base: './',
  // Assets stay files, never data: URLs, so that the page runs under `default-src 'self'`.
  build: {
    target: 'es2022', assetsInlineLimit: 0, sourcemap: false, modulePreload: { polyfill: false },
    // What a first look needs, and what a room needs besides, are a file each: small files that many
    // parts share would each cost a request, and compress worse.
    rolldownOptions: { output: { codeSplitting: { groups: [
      // What the script that the page loads first runs: it would wait for the page otherwise.
      { name: 'early', test: /\/src\/lang\/(?:early|catalogues|languages|saved)\.ts$|virtual:messages$|preload-helper|rolldown\/runtime|@messageformat\/runtime|make-plural/, priority: 3 },
      { name: 'page', tags: ['$initial'], priority: 2 },
      // What a room shares with the page beside no room, which must not load the room for it.
      { name: 'both', test: /\/icons\/arrow-left\.|\/src\/ui\/(?:BackLink|Banner)\./, priority: 1.5 },
      { name: 'room', test: /\/src\/ui\/RoomPage\.svelte$/, priority: 1 },
    ] } } },
  },
  resolve: { alias: { '@lezer/highlight': fileURLToPath(new URL('src/text/unstyled.ts', import.meta.url)) } },
  worker: { format: 'es' },
  server: { proxy: { '/v1': { target: server, ws: true }, '/.well-known': { target: server } } },
});
