import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** Files that compressing makes smaller; fonts are compressed as they are. */
const worth = /\.(?:js|css|html|svg|json|webmanifest)$/;

/**
 * Puts beside each file of the build what is in it as brotli and as gzip have it, as small as they
 * can: once, instead of for each reader. A file that hardly becomes smaller has none beside it.
 */
export function precompress(): Plugin {
  let dir = '';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      dir = config.build.outDir;
    },
    writeBundle() {
      for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
        const file = join(dir, name);
        if (!worth.test(name) || !statSync(file).isFile()) continue;
        const content = readFileSync(file);
        const brotli = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
        for (const [ending, compressed] of [['.br', brotli], ['.gz', gzipSync(content, { level: 9 })]] as const) {
          if (compressed.length < 0.95 * content.length) writeFileSync(file + ending, compressed);
        }
      }
    },
  };
}
