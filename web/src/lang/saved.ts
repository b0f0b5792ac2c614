import { isLanguage, type Language, type LanguageChoice } from './languages.ts';

/** The local storage key of how the page looks, and of its language. */
export const appearanceKey = 'hubbub.look';

/** What is kept there; empty where storage is off, or has something else. */
export function savedAppearance(): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(localStorage.getItem(appearanceKey) ?? '{}') ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The language that was chosen in this browser. */
export function savedLanguage(appearance = savedAppearance()): LanguageChoice {
  const chosen = appearance['language'];
  return isLanguage(chosen) ? chosen : 'system';
}

/** Where this browser keeps the language that is spoken, for the service worker, which has no localStorage. */
const spokenCache = 'hubbub-language';

/** Keeps the language that is spoken for the service worker. */
export async function saveSpokenLanguage(language: Language): Promise<void> {
  try {
    await (await caches.open(spokenCache)).put('language', new Response(language));
  } catch {
    // There is no service worker either, or no place: it speaks what the browser wants.
  }
}

/** The language that the page spoke last; undefined: it has said none. */
export async function loadSpokenLanguage(): Promise<Language | undefined> {
  const kept = await (await (await caches.open(spokenCache)).match('language'))?.text();
  return isLanguage(kept) ? kept : undefined;
}
