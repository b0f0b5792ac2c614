/** The languages of the page, each by its own name. */
export const languages = { en: 'English', de: 'Deutsch', fr: 'Français', ar: 'العربية', ja: '日本語' } as const;

export type Language = keyof typeof languages;
/** A language, or the one that the browser wants. */
export type LanguageChoice = Language | 'system';
export const isLanguage = (v: unknown): v is Language => typeof v === 'string' && Object.hasOwn(languages, v);

/** The first of some wanted languages, such as de-AT, that there are messages of; else English. */
export const best = (wanted: readonly string[]): Language => wanted.map((w) => w.toLowerCase().split('-')[0]).find(isLanguage) ?? 'en';
