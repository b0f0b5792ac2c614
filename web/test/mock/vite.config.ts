import type { Server } from 'node:http';
import { defineConfig, mergeConfig, type Plugin } from 'vite';
import page from '../../vite.config.ts';
import { attach } from './server.ts';

// The page with a mock in place of Hubbub, to work on how it looks: npx vite --config test/mock/vite.config.ts
const mock: Plugin = {
  name: 'mock-hubbub',
  configureServer(server) {
    attach(server.httpServer as Server, server.middlewares);
  },
};

export default mergeConfig({ ...page, server: {} }, defineConfig({ plugins: [mock] }));
