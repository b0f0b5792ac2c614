import { untrack } from 'svelte';
import { load, type CataloguePart } from './catalogues.ts';
import { best, type Language, type LanguageChoice } from './languages.ts';
import type { Messages } from './messages.d.ts';

/** The parts that are loaded in whichever language is spoken. */
const wanted = new Set<CataloguePart>(['first']);
/** The language that was asked for last; it is spoken as soon as it is here. */
let asked: Language = 'en';
/** What the browser's user reads, the best first. */
let preferred: readonly string[] = [];

interface Spoken {
  readonly language: Language;
  readonly locale: string;
  readonly parts: readonly CataloguePart[];
  readonly messages: Partial<Messages>;
}

let spoken = $state.raw<Spoken>({ language: 'en', locale: 'en', parts: [], messages: {} });

/**
 * The messages of the page, in the language that is spoken now: `m.send()`. Where one is shown, it
 * is shown in another language as soon as that is spoken. One whose part is not here yet is empty
 * until it is.
 */
export const m: Messages = new Proxy({} as Messages, { get: (_, key) => spoken.messages[key as keyof Messages] ?? late });

function late(): string {
  void loadMessages('room', 'rest').catch(() => undefined); // it is asked for again when it is shown again
  return '';
}

/** The language that is spoken. */
export const language = (): Language => spoken.language;

/** The language with its region, such as de-AT, for dates, numbers and the order of names. */
export const locale = (): string => spoken.locale;

/** Which way the language is written. */
export const direction = (): 'ltr' | 'rtl' => (spoken.language === 'ar' ? 'rtl' : 'ltr');

/** Speaks a language, when it is here. It rejects if that cannot be loaded, and nothing changes. */
export async function setLanguage(choice: LanguageChoice, reads: readonly string[] = globalThis.navigator?.languages ?? []): Promise<void> {
  const before = asked;
  preferred = reads;
  asked = choice === 'system' ? best(preferred) : choice;
  try {
    await show();
  } catch (err) {
    asked = before;
    throw err;
  }
}

/**
 * Loads parts of the messages, and waits until the page speaks them. Whoever loads a part of the
 * page waits for its messages, too; who needs the rest may show what a room shows. It rejects if one
 * cannot be loaded, and who asks again tries again.
 */
export async function loadMessages(...asked: CataloguePart[]): Promise<void> {
  const parts: CataloguePart[] = asked.includes('rest') ? ['room', ...asked] : asked;
  for (;;) {
    // Whoever shows a part of the page does not load it again when another language is spoken.
    const missing = parts.filter((p) => !untrack(() => spoken).parts.includes(p));
    if (!missing.length) return;
    for (const p of missing) wanted.add(p);
    try {
      await show(); // it speaks nothing if somebody asked for more, or for another language, meanwhile
    } catch (err) {
      for (const p of missing) wanted.delete(p);
      throw err;
    }
  }
}

/** Loads what goes with it beside a part of the page. */
export const withMessages = <T>(part: CataloguePart, page: Promise<T>): Promise<T> => Promise.all([page, loadMessages(part)]).then(([loaded]) => loaded);

async function show(): Promise<void> {
  const language = asked;
  const parts = [...wanted];
  // The server speaks English: what it says to people in a room is translated in other languages.
  const translated: CataloguePart[] = language !== 'en' && wanted.has('room') && !wanted.has('refusals') ? ['refusals'] : [];
  const loaded = await Promise.all([...parts, ...translated].map((p) => load(language, p)));
  // Somebody may have asked for another one meanwhile, or for more of this.
  if (language !== asked || parts.length < wanted.size) return;
  const region = preferred.find((l) => l.toLowerCase().split('-')[0] === language) ?? language;
  // Messages have the digits of the language, whatever those of the region are.
  const locale = language === 'ar' ? `${region}-u-nu-latn` : region;
  spoken = { language, locale, parts, messages: Object.assign({}, ...loaded) as Partial<Messages> };
}
