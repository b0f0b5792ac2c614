import catalogues from 'virtual:messages';
import type { Messages } from './messages.d.ts';

/** The languages of the page, each by its own name. */
export const languages = { en: 'English', de: 'Deutsch', fr: 'Français', ar: 'العربية', ja: '日本語' } as const;

export type Language = keyof typeof languages;
/** A language, or the one that the browser wants. */
export type LanguageChoice = Language | 'system';
/** What of a language is loaded at once: see messages.ts beside this folder. */
export type Part = 'first' | 'room' | 'rest' | 'server';

export const isLanguage = (v: unknown): v is Language => typeof v === 'string' && Object.hasOwn(languages, v);

/** The first of some wanted languages, such as de-AT, that there are messages of; else English. */
export const best = (wanted: readonly string[]): Language => wanted.map((w) => w.toLowerCase().split('-')[0]).find(isLanguage) ?? 'en';

const begun = new Map<string, Promise<Partial<Messages>>>();

/** Loads a part of a language, once. */
export function load(language: Language, part: Part): Promise<Partial<Messages>> {
  const key = `${language} ${part}`;
  let loading = begun.get(key);
  if (!loading) {
    loading = catalogues[language][part]().then((c) => c.default);
    loading.catch(() => begun.delete(key)); // it is asked for again when it is wanted again
    begun.set(key, loading);
  }
  return loading;
}
