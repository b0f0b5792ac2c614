import type { LanguageFn } from 'highlight.js';
import { createLowlight } from 'lowlight';
import type { Token } from './highlight.ts';

type Load = () => Promise<{ default: LanguageFn }>;

const loads: Readonly<Record<string, Load>> = {
  bash: () => import('highlight.js/lib/languages/bash'),
  c: () => import('highlight.js/lib/languages/c'),
  cpp: () => import('highlight.js/lib/languages/cpp'),
  csharp: () => import('highlight.js/lib/languages/csharp'),
  css: () => import('highlight.js/lib/languages/css'),
  dart: () => import('highlight.js/lib/languages/dart'),
  diff: () => import('highlight.js/lib/languages/diff'),
  dockerfile: () => import('highlight.js/lib/languages/dockerfile'),
  elixir: () => import('highlight.js/lib/languages/elixir'),
  go: () => import('highlight.js/lib/languages/go'),
  graphql: () => import('highlight.js/lib/languages/graphql'),
  haskell: () => import('highlight.js/lib/languages/haskell'),
  http: () => import('highlight.js/lib/languages/http'),
  ini: () => import('highlight.js/lib/languages/ini'),
  java: () => import('highlight.js/lib/languages/java'),
  javascript: () => import('highlight.js/lib/languages/javascript'),
  json: () => import('highlight.js/lib/languages/json'),
  kotlin: () => import('highlight.js/lib/languages/kotlin'),
  lua: () => import('highlight.js/lib/languages/lua'),
  makefile: () => import('highlight.js/lib/languages/makefile'),
  markdown: () => import('highlight.js/lib/languages/markdown'),
  nginx: () => import('highlight.js/lib/languages/nginx'),
  nix: () => import('highlight.js/lib/languages/nix'),
  perl: () => import('highlight.js/lib/languages/perl'),
  php: () => import('highlight.js/lib/languages/php'),
  powershell: () => import('highlight.js/lib/languages/powershell'),
  protobuf: () => import('highlight.js/lib/languages/protobuf'),
  python: () => import('highlight.js/lib/languages/python'),
  r: () => import('highlight.js/lib/languages/r'),
  ruby: () => import('highlight.js/lib/languages/ruby'),
  rust: () => import('highlight.js/lib/languages/rust'),
  scala: () => import('highlight.js/lib/languages/scala'),
  scss: () => import('highlight.js/lib/languages/scss'),
  shell: () => import('highlight.js/lib/languages/shell'),
  sql: () => import('highlight.js/lib/languages/sql'),
  swift: () => import('highlight.js/lib/languages/swift'),
  typescript: () => import('highlight.js/lib/languages/typescript'),
  xml: () => import('highlight.js/lib/languages/xml'),
  yaml: () => import('highlight.js/lib/languages/yaml'),
};

/** Other names of the languages. */
const aliases: Readonly<Record<string, string>> = {
  sh: 'bash', zsh: 'bash', console: 'shell', h: 'c', 'c++': 'cpp', cc: 'cpp', hpp: 'cpp', cs: 'csharp', 'c#': 'csharp', patch: 'diff',
  docker: 'dockerfile', ex: 'elixir', exs: 'elixir', golang: 'go', gql: 'graphql', hs: 'haskell', toml: 'ini', conf: 'ini',
  js: 'javascript', jsx: 'javascript', mjs: 'javascript', cjs: 'javascript', jsonc: 'json', json5: 'json', kt: 'kotlin', kts: 'kotlin',
  make: 'makefile', mk: 'makefile', md: 'markdown', pl: 'perl', ps1: 'powershell', proto: 'protobuf', py: 'python', rb: 'ruby', rs: 'rust',
  sass: 'scss', psql: 'sql', mysql: 'sql', sqlite: 'sql', ts: 'typescript', tsx: 'typescript', mts: 'typescript',
  html: 'xml', svg: 'xml', vue: 'xml', svelte: 'xml', yml: 'yaml',
};

/** Languages that may contain other languages. */
const within: Readonly<Record<string, readonly string[]>> = {
  xml: ['css', 'javascript'], markdown: ['xml'], shell: ['bash'], dockerfile: ['bash'], php: ['xml'], http: ['json', 'xml'],
};

/** The page's classes for those of highlight.js; others have no colour. */
const kinds: Readonly<Record<string, string>> = {
  keyword: 'keyword', built_in: 'name', type: 'name', literal: 'number', number: 'number', operator: '', string: 'string', regexp: 'string',
  subst: '', symbol: 'number', class: 'name', function: '', title: 'name', params: '', comment: 'comment', quote: 'comment', doctag: 'keyword',
  meta: 'keyword', section: 'strong', tag: '', name: 'keyword', attr: 'name', attribute: 'name', variable: 'number', bullet: 'number',
  code: 'string', emphasis: '', strong: 'strong', formula: 'string', link: 'string', 'selector-tag': 'keyword', 'selector-id': 'name',
  'selector-class': 'name', 'selector-attr': 'name', 'selector-pseudo': 'name', 'template-tag': 'keyword', 'template-variable': 'number',
  addition: 'added', deletion: 'removed', property: 'name', prompt: 'comment',
};

const lowlight = createLowlight();

async function ready(name: string): Promise<boolean> {
  const load = Object.hasOwn(loads, name) ? loads[name] : undefined;
  if (!load) return false;
  if (!lowlight.registered(name)) {
    await Promise.all((within[name] ?? []).map(ready));
    lowlight.register(name, (await load()).default);
  }
  return true;
}

type Node = ReturnType<typeof lowlight.highlight>['children'][number];

/** Splits code of a language into tokens; undefined: the language is unknown. */
export async function tokens(code: string, language: string): Promise<Token[] | undefined> {
  const name = Object.hasOwn(aliases, language) ? aliases[language]! : language;
  if (!(await ready(name))) return undefined;
  const list: [string, string][] = [];
  const walk = (nodes: readonly Node[], kind: string) => {
    for (const node of nodes) {
      if (node.type === 'text') {
        const before = list.at(-1);
        if (before?.[0] === kind) before[1] += node.value;
        else list.push([kind, node.value]);
      } else if (node.type === 'element') {
        const own = (node.properties['className'] as string[] | undefined)?.[0]?.replace(/^hljs-/, '') ?? '';
        walk(node.children as Node[], kinds[own] || kind);
      }
    }
  };
  walk(lowlight.highlight(name, code).children, '');
  return list;
}
