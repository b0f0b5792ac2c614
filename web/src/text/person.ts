import { language, locale, m } from '../lang/language.svelte.ts';
import { isolate } from './bidi.ts';

/** The one or two letters that stand for a person. */
export function initials(name: string): string {
  const words = name.replace(/\(.*\)/u, '').split(/[\s._-]+/u).filter(Boolean);
  const first = [...(words[0] ?? '?')][0] ?? '?';
  const last = words.length > 1 ? ([...words.at(-1)!][0] ?? '') : '';
  return (first + last).toUpperCase();
}

/** How many colours there are for people and rooms, `.hue-0` and so on. */
export const hues = 20;

/** One of `count` colours, always the same for an id. */
export function colour(id: string, count: number): number {
  let h = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193);
  return (h >>> 0) % count;
}

let lists: { readonly lang: string; readonly format: Intl.ListFormat } | undefined;
/** "Ada", "Ada and Bo", "Ada, Bo and 3 others". */
export function listNames(list: readonly string[], shown = 3): string {
  const names = list.map(isolate);
  if (names.length <= 1) return names[0] ?? '';
  const rest = names.length - shown;
  // As in British English, without a comma before the last.
  const lang = language() === 'en' ? 'en-GB' : locale();
  if (lists?.lang !== lang) lists = { lang, format: new Intl.ListFormat(lang) };
  return lists.format.format(rest > 0 ? [...names.slice(0, shown), m.others({ count: rest })] : names);
}
