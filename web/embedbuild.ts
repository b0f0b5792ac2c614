import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { build, type Plugin } from 'vite';
import { emoji } from './emojidata.ts';
import { icons } from './icons.ts';
import { messages } from './messages.ts';
import { precompress } from './precompress.ts';

/** How the element's style sheet is called in its script. */
const placeholder = 'HUBBUB_STYLE_SHEET';

/**
 * Makes of the page's style sheets one of a shadow tree: what is said of the whole page is said of
 * the element, sizes go by its font and not the page's, and widths by its own and not the window's.
 */
export function shadowed(css: string): string {
  return css
    .replaceAll(/:root\[data-theme=["']?(\w+)["']?\]/g, ':host([theme=$1])')
    .replaceAll(/\[data-density=["']?compact["']?\]/g, ':host([compact])')
    .replaceAll(':root', ':host')
    .replaceAll(/(?<![\w.-])(\d*\.?\d+)rem\b/g, 'calc(var(--hubbub-font-size, 16px) * $1)')
    .replaceAll(/@media\s*\((max|min)-width/g, '@container hubbub ($1-width')
    .replaceAll(/@media\s*\(width\s*([<>]=?)/g, '@container hubbub (width$1')
    .replaceAll(/max-width:\s*calc\(100vw/g, 'max-width:calc(100cqi');
}

/** Puts the name of the style sheet, which is that of its content, into the element's script. */
function style(): Plugin {
  return {
    name: 'embedded-style',
    enforce: 'post',
    generateBundle(_, bundle) {
      const sheets = Object.values(bundle).filter((f) => f.type === 'asset' && f.fileName.endsWith('.css'));
      const css = shadowed(sheets.map((f) => String((f as { source: string | Uint8Array }).source)).join('\n'));
      for (const f of sheets) delete bundle[f.fileName];
      const fileName = `assets/hubbub-chat-${createHash('sha256').update(css).digest('base64url').slice(0, 8)}.css`;
      this.emitFile({ type: 'asset', fileName, source: css });
      const entry = Object.values(bundle).find((f) => f.type === 'chunk' && f.isEntry) as { code: string } | undefined;
      if (!entry?.code.includes(placeholder) || !css) this.error('the element has no style sheet');
      entry.code = entry.code.replace(placeholder, JSON.stringify(`./${fileName}`));
    },
  };
}

/** Builds the element of docs/embed.md beside the page, when that is built. */
export function embedded(): Plugin {
  let outDir = '';
  return {
    name: 'embedded',
    apply: 'build',
    configResolved(config) {
      outDir = config.build.outDir;
    },
    async closeBundle() {
      await build({
        configFile: false,
        logLevel: 'warn',
        publicDir: false,
        base: './',
        plugins: [icons(), svelte(), emoji(), messages(), style(), precompress()],
        resolve: { alias: { '@lezer/highlight': fileURLToPath(new URL('src/text/unstyled.ts', import.meta.url)) } },
        worker: { format: 'es' },
        build: {
          outDir, emptyOutDir: false, target: 'es2022', assetsInlineLimit: 0, cssCodeSplit: false, modulePreload: false,
          rolldownOptions: {
            input: fileURLToPath(new URL('src/embed/element.ts', import.meta.url)),
            output: { entryFileNames: 'hubbub-chat.js', chunkFileNames: 'assets/chat-[name]-[hash].js', assetFileNames: 'assets/[name]-[hash][extname]' },
          },
        },
      });
    },
  };
}
