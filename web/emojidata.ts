import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

/**
 * An emoji as the page gets it: itself, its name, its shortcodes and words, its group, and whether
 * it has skin tones.
 */
export type EmojiData = readonly [emoji: string, name: string, shortcodes: string, words: string, group: number, skins: 0 | 1];

interface Compact {
  readonly hexcode: string;
  readonly label: string;
  readonly unicode: string;
  readonly tags?: readonly string[];
  readonly group?: number;
  readonly skins?: readonly unknown[];
}

const components = 2; // skin tones and hair by themselves

/** Of emojibase-data what the page uses, which is a quarter of it. */
export function emojiData(): EmojiData[] {
  const load = createRequire(import.meta.url);
  const all = load('emojibase-data/en/compact.json') as Compact[];
  const sets = ['github', 'emojibase'].map((s) => load(`emojibase-data/en/shortcodes/${s}.json`) as Record<string, string | string[]>);
  return all.filter((e) => e.group !== undefined && e.group !== components).map((e) => [
    // In the one form that Unicode calls qualified, as the server has it.
    e.unicode.replace(/(\p{EPres})\uFE0F/gu, '$1'),
    e.label, [...new Set(sets.flatMap((s) => s[e.hexcode] ?? []))].join(' '), (e.tags ?? []).join(' '), e.group!, e.skins ? 1 : 0,
  ]);
}

/** Makes `virtual:emoji` a module of those data. */
export function emoji(): Plugin {
  const name = 'virtual:emoji';
  return {
    name,
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load: (id) => (id === `\0${name}` ? `export default JSON.parse(${JSON.stringify(JSON.stringify(emojiData()))});` : undefined),
  };
}
