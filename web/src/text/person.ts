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

/** "Ada", "Ada and Bo", "Ada, Bo and 3 others". */
export function listNames(list: readonly string[], shown = 3): string {
  const names = list.map(isolate);
  if (names.length <= 1) return names[0] ?? '';
  const rest = names.length - shown;
  if (rest > 0) return `${names.slice(0, shown).join(', ')} and ${rest} ${rest === 1 ? 'other' : 'others'}`;
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
