import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import MessageFormat from '@messageformat/core';
import compileModule from '@messageformat/core/compile-module.js';
import { parse, type Token } from '@messageformat/parser';
import type { Plugin } from 'vite';

const root = dirname(fileURLToPath(import.meta.url));
const folder = join(root, 'messages');
const name = 'virtual:messages';

/** The messages of one language, as messages/…json has them: ICU MessageFormat by their names. */
export type Catalogue = Readonly<Record<string, string>>;

/** The languages that there are messages of. */
export const languages = (): string[] => readdirSync(folder).filter((f) => f.endsWith('.json')).map((f) => basename(f, '.json')).toSorted();

export const catalogue = (language: string): Catalogue => JSON.parse(readFileSync(join(folder, `${language}.json`), 'utf8')) as Catalogue;

/** Returns what a message takes: the name of each parameter, and its type. */
export function parameters(message: string): Map<string, 'number' | 'string'> {
  const found = new Map<string, 'number' | 'string'>();
  const walk = (tokens: readonly Token[]): void => {
    for (const t of tokens) {
      if (!('arg' in t)) continue;
      const counts = t.type === 'plural' || t.type === 'selectordinal' || (t.type === 'function' && t.key === 'number');
      if (counts || !found.has(t.arg)) found.set(t.arg, counts ? 'number' : 'string');
      if ('cases' in t) for (const c of t.cases) walk(c.tokens);
    }
  };
  walk(parse(message));
  return found;
}

/** Returns the types of the messages, as src/lang/messages.d.ts has them. */
export function types(english: Catalogue): string {
  const lines = Object.entries(english).map(([key, message]) => {
    const taken = [...parameters(message)].map(([p, type]) => `${p}: ${type}`).join('; ');
    return `  ${key}(${taken && `_: { ${taken} }`}): string;`;
  });
  return `// Code generated from messages/en.json by messages.ts; DO NOT EDIT.\nexport interface Messages {\n${lines.join('\n')}\n}\n`;
}

/** The files that importing a file brings with it at once, itself among them. */
function together(entry: string, files = new Set<string>()): Set<string> {
  if (files.has(entry)) return files;
  files.add(entry);
  const text = readFileSync(entry, 'utf8');
  for (const [, type, from] of text.matchAll(/^\s*(?:import|export)\s(?:(type)\s)?[^;'"]*?['"](\.[^'"]+\.(?:ts|svelte))['"]/gm)) {
    if (!type) together(resolve(dirname(entry), from!), files);
  }
  return files;
}

const used = (files: Iterable<string>): Set<string> => new Set([...files].flatMap((f) => [...readFileSync(f, 'utf8').matchAll(/\bm\.(\w+)/g)].map((x) => x[1]!)));

/**
 * The parts that a language is loaded in: what the first look at the page needs, what a room needs
 * besides, what only those who run the server need, what the server says (in languages other than
 * its own), and the rest.
 */
export const parts = ['first', 'room', 'rest', 'server', 'refusals'] as const;
type Part = (typeof parts)[number];

/** Returns the part that each message is in, by the files that use it. */
export function partOf(): (key: string) => Part {
  const at = (f: string) => join(root, 'src', f);
  const first = used(together(at('main.ts')));
  const room = used(new Set([...together(at('ui/RoomPage.svelte')), ...together(at('ui/MessageText.svelte'))]));
  const folders = readdirSync(at('.'), { recursive: true, encoding: 'utf8' }).filter((f) => /\.(?:svelte|ts)$/.test(f) && !f.endsWith('.test.ts'));
  const forServer = (f: string) => f.startsWith('ui/server/') || f === 'text/acts.ts';
  const sentences = 'lang/chat-refusals.ts';
  const server = used(folders.filter(forServer).map(at));
  const refusals = used([at(sentences)]);
  const others = used(folders.filter((f) => !forServer(f) && f !== sentences).map(at));
  return (key) => (first.has(key) ? 'first' : room.has(key) ? 'room' : others.has(key) ? 'rest' : refusals.has(key) ? 'refusals' : server.has(key) ? 'server' : 'rest');
}

/** Whether the service worker shows a message: it loads nothing when a push comes. */
const isPushed = (): ((key: string) => boolean) => {
  const pushed = used([join(root, 'src/worker/notice.ts')]);
  return (key) => pushed.has(key);
};

/** Compiles messages to functions, so that nothing of them is parsed in the browser. */
const compiled = (language: string, messages: Catalogue): string => compileModule(new MessageFormat(language), messages);

/**
 * Makes `virtual:messages` a module that loads the messages of a language, part by part,
 * `virtual:messages/worker` one that has those of the service worker in all languages, and
 * src/lang/messages.d.ts what TypeScript knows of them. `early` is a script that the page loads
 * before its own.
 */
export function messages(early?: string): Plugin {
  let part = partOf();
  let building = false;
  return {
    name: 'messages',
    configResolved: ({ command }) => void (building = command === 'build'),
    buildStart() {
      part = partOf();
      writeTypes();
      if (building && early !== undefined) this.emitFile({ type: 'chunk', id: early, name: 'early' });
    },
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        // The file that has the script itself: its entry only imports that.
        const script = Object.values(bundle ?? {}).find((f) => f.type === 'chunk' && f.moduleIds.some((id) => early !== undefined && id.endsWith(early)))?.fileName;
        return script === undefined ? html : html.replace(/<script type="module"/, `<script type="module" crossorigin src="./${script}"></script>\n    $&`);
      },
    },
    resolveId: (id) => (id === name || id.startsWith(`${name}/`) ? `\0${id}` : undefined),
    load(id) {
      if (!id.startsWith(`\0${name}`)) return undefined;
      if (id.endsWith('/worker')) {
        return `${languages().map((l) => `import ${l} from '${name}/messages-${l}-worker';`).join('')}export default {${languages().join()}};`;
      }
      const [, language, wanted] = /\/messages-(\w+)-(\w+)$/.exec(id) ?? [];
      if (language === undefined) {
        const all = languages().map((l) => `${l}:{${parts.map((p) => `${p}:()=>import('${name}/messages-${l}-${p}')`).join()}}`);
        return `export default {${all.join()}};`;
      }
      const is = wanted === 'worker' ? isPushed() : (key: string) => part(key) === wanted;
      return compiled(language, Object.fromEntries(Object.entries(catalogue(language)).filter(([key]) => is(key))));
    },
    handleHotUpdate({ file, server }) {
      if (dirname(file) !== folder) return;
      part = partOf();
      writeTypes();
      server.moduleGraph.invalidateAll();
      server.ws.send({ type: 'full-reload' });
    },
  };
}

/** Writes the types, unless they are there. */
export function writeTypes(): void {
  const file = join(root, 'src/lang/messages.d.ts');
  const now = types(catalogue('en'));
  let before = '';
  try {
    before = readFileSync(file, 'utf8');
  } catch {
    // They are not there yet.
  }
  if (before !== now) writeFileSync(file, now);
}
