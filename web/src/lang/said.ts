import { m } from './language.svelte.ts';

/** What the server and the client say, as they say it, and the messages for it. */
const sentences: Readonly<Record<string, () => string>> = {
  'there is no such room, or you may not enter it': () => m.noSuchRoomError(),
};

/** What the server said in English, also as a sentence for a person, in the language of the page, if it is known. */
export function said(english: string): string | undefined {
  const key = english.charAt(0).toLowerCase() + english.slice(1).replace(/\.$/, '');
  return Object.hasOwn(sentences, key) ? sentences[key]!() : undefined;
}
