import { isLanguage, type LanguageChoice } from './catalogues.ts';

/** Where this browser keeps how the page looks, and its language. */
export const lookKey = 'hubbub.look';

/** What is kept there; empty where storage is off, or has something else. */
export function savedLook(): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(localStorage.getItem(lookKey) ?? '{}') ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** The language that was chosen in this browser. */
export function savedLanguage(look = savedLook()): LanguageChoice {
  const chosen = look['language'];
  return isLanguage(chosen) ? chosen : 'system';
}
