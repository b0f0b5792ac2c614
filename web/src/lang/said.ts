import { m } from './language.svelte.ts';

/** What the server and the client say, as they say it, and the messages for it. */
const sentences: Readonly<Record<string, () => string>> = {
  'there is no such room, or you may not enter it': () => m.noSuchRoomError(),
};

/** What the server said in English, in the language of the page, if it is known. */
export const said = (english: string): string | undefined => (Object.hasOwn(sentences, english) ? sentences[english]!() : undefined);
