import { m } from '../lang/language.svelte.ts';
import data from 'virtual:emoji';

/** An emoji of Unicode. This module contains all of them: import it only when they are needed. */
export interface Emoji {
  readonly emoji: string;
  readonly name: string;
  readonly shortcodes: readonly string[];
  readonly words: readonly string[];
  readonly group: number;
  readonly skins: boolean;
}

export const emojis: readonly Emoji[] = data.map(([emoji, name, shortcodes, words, group, skins]) =>
  ({ emoji, name, shortcodes: shortcodes.split(' '), words: words.split(' '), group, skins: skins === 1 }));

/** The groups in their order, and an emoji of each. */
export const groups: readonly { readonly group: number; readonly name: () => string; readonly sign: string }[] = [
  { group: 0, name: () => m.emojiSmileys(), sign: '😀' }, { group: 1, name: () => m.emojiPeople(), sign: '👋' }, { group: 3, name: () => m.emojiNature(), sign: '🐻' },
  { group: 4, name: () => m.emojiFood(), sign: '🍔' }, { group: 5, name: () => m.emojiTravel(), sign: '🚗' }, { group: 6, name: () => m.emojiActivities(), sign: '⚽' },
  { group: 7, name: () => m.emojiObjects(), sign: '💡' }, { group: 8, name: () => m.emojiSymbols(), sign: '💯' }, { group: 9, name: () => m.emojiFlags(), sign: '🏁' },
];

const byCode = new Map(emojis.flatMap((e) => e.shortcodes.map((code) => [code, e] as const)));
const bySelf = new Map(emojis.map((e) => [bare(e.emoji), e] as const));

function bare(emoji: string): string {
  return emoji.replace(/\uFE0F|\p{EMod}/gu, '');
}

/** The emoji with a shortcode, which is given without its colons. */
export function byShortcode(code: string): Emoji | undefined {
  return byCode.get(code.toLowerCase());
}

/** Finds an emoji in any skin tone. */
export function known(emoji: string): Emoji | undefined {
  return bySelf.get(bare(emoji));
}

/** Skin tones from light to dark; 0: none. */
export type SkinTone = 0 | 1 | 2 | 3 | 4 | 5;

/** An emoji in a skin tone (UTS #51, section 2.4), if it has one. */
export function withSkinTone({ emoji, skins }: Emoji, tone: SkinTone): string {
  // Hands that people hold have the tone of the people.
  return skins && tone ? emoji.replace(/(?!(?<=\u200D)🤝)(\p{EBase})\uFE0F?/gu, `$1${String.fromCodePoint(0x1f3fa + tone)}`) : emoji;
}

/** The emoji that words or the beginning of a shortcode match, the best first. */
export function find(query: string): Emoji[] {
  const wanted = query.trim().toLowerCase().replace(/^:|:$/g, '');
  const parts = wanted.split(/[\s_]+/).filter(Boolean);
  if (!parts.length) return [];
  const code = parts.join('_');
  const ranked: [rank: number, e: Emoji][] = [];
  for (const e of emojis) {
    const names = e.name.toLowerCase().split(/[^\p{L}\p{N}+-]+/u);
    let rank: number;
    if (e.emoji === wanted || e.shortcodes.includes(code)) rank = 0;
    else if (e.shortcodes.some((c) => c.startsWith(code))) rank = 1;
    else if (parts.every((p) => names.some((n) => n.startsWith(p)))) rank = 2;
    else if (parts.every((p) => e.words.includes(p) || e.shortcodes.some((c) => c.split('_').includes(p)))) rank = 3;
    else if (parts.every((p) => [...names, ...e.words].some((w) => w.startsWith(p)))) rank = 4;
    else continue;
    ranked.push([rank, e]);
  }
  return ranked.sort((a, b) => a[0] - b[0]).map(([, e]) => e);
}

/** The emoji that the beginning of a shortcode may stand for, each with the matching code. */
export function complete(begun: string, most: number): { readonly e: Emoji; readonly code: string }[] {
  const wanted = begun.toLowerCase();
  return find(wanted.replaceAll('_', ' ')).slice(0, most).map((e) => ({ e, code: e.shortcodes.find((c) => c.startsWith(wanted)) ?? e.shortcodes[0]! }));
}
