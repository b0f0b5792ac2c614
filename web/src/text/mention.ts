/** A name after an @, as a text has it. */
export interface Mention {
  /** Where the @ stands. */
  readonly at: number;
  readonly name: string;
}

// Names as the server allows them; guests carry a mark. An @ within a word, as in an address of
// mail, is none.
const mention = /(?<![\p{L}\p{N}._/@-])@([\p{L}\p{N}](?:[\p{L}\p{N}._-]*[\p{L}\p{N}_])?)( \(guest\))?/gu;

/** Finds the names that a text mentions. */
export function mentions(text: string): Mention[] {
  return [...text.matchAll(mention)].map((m) => ({ at: m.index, name: m[1]! + (m[2] ?? '') }));
}

/** Whether a text mentions somebody, in small letters or capitals. */
export function mentioned(text: string, name: string): boolean {
  if (!text.includes('@')) return false; // most texts: this runs for every message that is unread
  const wanted = name.toLocaleLowerCase();
  return mentions(text).some((m) => m.name.toLocaleLowerCase() === wanted);
}

// What stands before the caret when somebody is being mentioned: an @ that begins a word, and the
// beginning of a name.
const begun = /(?<![\p{L}\p{N}._/@-])@([\p{L}\p{N}._-]{0,32})$/u;

/** The beginning of the name that is being written at the end of a text; undefined: none is. */
export function beginning(text: string): string | undefined {
  return begun.exec(text)?.[1];
}

/** How many names are suggested. */
const suggested = 6;

/**
 * The names that begin so, each once, in order. Whoever has written all of a name needs no
 * suggestion of it.
 */
export function suggestions(names: Iterable<string>, prefix: string): string[] {
  const wanted = prefix.toLocaleLowerCase();
  const fitting = [...new Set(names)].filter((n) => n.toLocaleLowerCase().startsWith(wanted));
  if (fitting.length === 1 && fitting[0]!.toLocaleLowerCase() === wanted) return [];
  return fitting.sort((a, b) => a.localeCompare(b)).slice(0, suggested);
}
