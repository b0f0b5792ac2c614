/** A name after an @, as a text has it. */
export interface Mention {
  /** Where the @ stands. */
  readonly at: number;
  readonly name: string;
}

// Names as the server allows them; guests carry a mark. An @ within a word, as in an address of mail, is none.
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
