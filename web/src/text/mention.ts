import { personKey, searchKey } from './name.ts';

/** Somebody who is mentioned in a text. */
export interface Mention {
  /** Where the @ stands. */
  readonly at: number;
  /** The name, as the text has it. */
  readonly name: string;
  /** By what names are compared; of the words that mean many, `room` and `here`. */
  readonly key: string;
}

/** Whom a text may mean. */
export interface MentionTargets {
  /** Whether somebody goes by a name; it is given as a key, see personKey. */
  readonly names: { has(key: string): boolean };
  /** The words @room and @here reach somebody. */
  readonly room: boolean;
  readonly here: boolean;
}

export const noTargets: MentionTargets = { names: new Set(), room: false, here: false };

// The rules of libs/mentions, whose cases are the test of these. An @ within a word, as in an
// address of mail, is none; scripts without spaces between words put it there.
const spaceless = String.raw`[${['Han', 'Hiragana', 'Katakana', 'Bopomofo', 'Hangul', 'Thai', 'Lao', 'Khmer', 'Myanmar', 'Tibetan'].map((script) => String.raw`\p{Script=${script}}`).join('')}ーｰ]`;
const begin = String.raw`(?<!(?:[._/@＠-]|(?!${spaceless})[\p{L}\p{N}])\p{M}*)[@＠]`;
const begins = new RegExp(begin, 'gu');
const isSpaceless = new RegExp(`^${spaceless}$`, 'u');
const isWord = /^[\p{L}\p{N}]$/u;
const isMark = /^\p{M}$/u;
const joins = (c: string | undefined) => c !== undefined && '._-'.includes(c);
const guestMark = ' (guest)';

/** The greatest length of a name, and how many characters behind an @ are looked at. */
const maxName = 32;
const maxBehind = 2 * maxName;

/**
 * What may be a name at the beginning of a text, the longest first. Between two letters it ends
 * where a script has no spaces.
 */
function behind(text: string): string[] {
  const all = Array.from(text.slice(0, 4 * maxBehind));
  const names: string[] = [];
  let length = 0;
  let last = ''; // the letter, digit or sign that the name ends with; no mark
  const add = () => {
    names.push(text.slice(0, length));
    if (text.startsWith(guestMark, length)) names.push(text.slice(0, length + guestMark.length));
  };
  for (let i = 0; ; i++) {
    const c = all[i];
    if (c === undefined) {
      if (i > 0) add();
      break;
    }
    if (i > 0 && ends(last, c, all[i + 1])) add();
    const mark = isMark.test(c);
    if (i >= maxBehind || (!isWord.test(c) && (i === 0 || (!mark && !joins(c))))) break;
    if (!mark) last = c;
    length += c.length;
  }
  return names.toReversed();
}

/** Whether a name may end between two characters: the text does not go on with the word there. */
function ends(last: string, next: string, after: string | undefined): boolean {
  if (isMark.test(next)) return false;
  if (joins(next)) {
    if (joins(last) || after === undefined || !isWord.test(after)) return true;
    return isSpaceless.test(last) || isSpaceless.test(after);
  }
  return !isWord.test(next) || isSpaceless.test(last) || isSpaceless.test(next);
}

const keys = new Map<string, string>();
/** The key of a name; those of the names that are compared again and again are kept. */
export function mentionKey(name: string): string {
  let key = keys.get(name);
  if (key === undefined) {
    if (keys.size >= 10_000) keys.clear();
    keys.set(name, (key = personKey(name)));
  }
  return key;
}

/** Whether there is a place in a text where it may mention somebody. */
export function mayMention(text: string): boolean {
  if (!/[@＠]/u.test(text)) return false; // most texts
  return [...text.matchAll(begins)].some((m) => behind(text.slice(m.index + 1)).length > 0);
}

/**
 * Finds whom a text mentions, of those whom it may mean; of names that begin alike the longest.
 * Code and links are no part of the text.
 */
export function mentions(text: string, meant: MentionTargets): Mention[] {
  if (!/[@＠]/u.test(text)) return [];
  const found: Mention[] = [];
  for (const { index } of text.matchAll(begins)) {
    for (const name of behind(text.slice(index + 1))) {
      const key = mentionKey(name);
      if (!meant.names.has(key) && !(meant.room && key === 'room') && !(meant.here && key === 'here')) continue;
      found.push({ at: index, name, key });
      break;
    }
  }
  return found;
}

/** Whether a text mentions somebody, whichever way their name is written. */
export function mentioned(text: string, name: string): boolean {
  return mentions(text, { ...noTargets, names: new Set([mentionKey(name)]) }).length > 0;
}

// What stands before the caret when somebody is being mentioned: an @ that begins a word, and the
// beginning of a name.
const begun = new RegExp(String.raw`${begin}([\p{L}\p{N}\p{M}._-]{0,${maxBehind}})$`, 'u');

/** The beginning of the name that is being written at the end of a text; undefined: none is. */
export function mentionPrefix(text: string): string | undefined {
  return begun.exec(text)?.[1];
}

/** How many names are suggested. */
const suggested = 6;

/**
 * The names that begin so, each once, in order; accents need not be typed. Whoever has written all
 * of a name needs no suggestion of it.
 */
export function mentionSuggestions(names: Iterable<string>, prefix: string): string[] {
  const [wanted, found] = [personKey(prefix), searchKey(prefix)];
  const fitting = [...new Set(names)].filter((n) => personKey(n).startsWith(wanted) || searchKey(n).startsWith(found));
  if (fitting.length === 1 && personKey(fitting[0]!) === wanted) return [];
  return fitting.sort((a, b) => a.localeCompare(b)).slice(0, suggested);
}
