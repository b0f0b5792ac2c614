import { personKey, searchKey } from './name.ts';

/** A name after an @, as a text has it. */
export interface Mention {
  /** Where the @ stands. */
  readonly at: number;
  readonly name: string;
}

// Names as the server allows them; guests carry a mark. An @ within a word, as in an address of
// mail, is none; scripts without spaces between words put it there.
const spaceless = ['Han', 'Hiragana', 'Katakana', 'Hangul', 'Thai', 'Lao', 'Khmer', 'Myanmar'].map((script) => String.raw`\p{scx=${script}}`).join('|');
const begin = String.raw`(?<![._/@＠-]|(?!${spaceless})[\p{L}\p{N}\p{M}])[@＠]`;
const mention = new RegExp(String.raw`${begin}([\p{L}\p{N}](?:[\p{L}\p{N}\p{M}._-]*[\p{L}\p{N}\p{M}_])?)( \(guest\))?`, 'gu');

/** Finds the names that a text mentions. */
export function mentions(text: string): Mention[] {
  return [...text.matchAll(mention)].map((m) => ({ at: m.index, name: m[1]! + (m[2] ?? '') }));
}

/** Whether a text mentions somebody, whichever way their name is written. */
export function mentioned(text: string, name: string): boolean {
  if (!/[@＠]/u.test(text)) return false; // most texts: this runs for every message that is unread
  const wanted = personKey(name);
  return mentions(text).some((m) => personKey(m.name) === wanted);
}

// What stands before the caret when somebody is being mentioned: an @ that begins a word, and the
// beginning of a name.
const begun = new RegExp(String.raw`${begin}([\p{L}\p{N}\p{M}._-]{0,32})$`, 'u');

/** The beginning of the name that is being written at the end of a text; undefined: none is. */
export function beginning(text: string): string | undefined {
  return begun.exec(text)?.[1];
}

/** How many names are suggested. */
const suggested = 6;

/**
 * The names that begin so, each once, in order; accents need not be typed. Whoever has written all
 * of a name needs no suggestion of it.
 */
export function suggestions(names: Iterable<string>, prefix: string): string[] {
  const [wanted, found] = [personKey(prefix), searchKey(prefix)];
  const fitting = [...new Set(names)].filter((n) => personKey(n).startsWith(wanted) || searchKey(n).startsWith(found));
  if (fitting.length === 1 && personKey(fitting[0]!) === wanted) return [];
  return fitting.sort((a, b) => a.localeCompare(b)).slice(0, suggested);
}
