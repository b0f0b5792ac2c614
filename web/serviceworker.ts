import { createHash } from 'node:crypto';
import { build, type Plugin, type Rolldown } from 'vite';
import { messages } from './messages.ts';

/** Files that are not kept for when there is no network: few need them, and they are large. */
const apart = /highlight|emoji/;
/** A larger file is fetched when it is wanted, bytes. */
const largest = 400_000;
/** What stands beside the build's own files. */
const beside = ['', 'manifest.webmanifest', 'favicon.svg', 'favicon-new.svg', 'icon-192.png'];

/**
 * Builds src/worker/sw.ts as sw.js: one file beside index.html, so that its scope is all of the
 * page. It has the names of the build's files in it, so each build has another one, which browsers
 * notice.
 */
export function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    generateBundle: {
      order: 'post',
      async handler(_options, bundle) {
        const files = Object.values(bundle).filter(({ fileName }) => {
          if (apart.test(fileName) || !/\.(?:js|css|woff2)$/.test(fileName)) return false;
          return !fileName.endsWith('.woff2') || (fileName.includes('-latin-') && fileName.includes('normal'));
        }).filter((f) => (f.type === 'chunk' ? f.code : f.source).length <= largest).map((f) => f.fileName).toSorted();
        const page = bundle['index.html'];
        const version = createHash('sha256').update(files.join()).update(page?.type === 'asset' ? page.source : '').digest('hex').slice(0, 12);
        const out = await build({
          configFile: false,
          logLevel: 'warn',
          publicDir: false,
          plugins: [messages()],
          define: { FILES: JSON.stringify([...beside, ...files]), BUILD: JSON.stringify(version) },
          build: { write: false, target: 'es2022', rolldownOptions: { input: 'src/worker/sw.ts', output: { format: 'iife', entryFileNames: 'sw.js' } } },
        });
        const worker = (out as Rolldown.RolldownOutput).output[0];
        this.emitFile({ type: 'asset', fileName: 'sw.js', source: worker.code });
      },
    },
  };
}
