import catalogues from 'virtual:messages';
import type { Language } from './languages.ts';
import type { Messages } from './messages.d.ts';

/** What of a language is loaded at once: see messages.ts beside this folder. */
export type CataloguePart = 'first' | 'room' | 'rest' | 'server' | 'refusals';

const begun = new Map<string, Promise<Partial<Messages>>>();

/** Loads a part of a language, once. */
export function load(language: Language, part: CataloguePart): Promise<Partial<Messages>> {
  const key = `${language} ${part}`;
  let loading = begun.get(key);
  if (!loading) {
    // What the server says comes with the sentences that its messages are for.
    const sentences = part === 'refusals' ? import('./chat-refusals.ts') : undefined;
    loading = Promise.all([catalogues[language][part](), sentences]).then(([c]) => c.default);
    loading.catch(() => begun.delete(key)); // it is asked for again when it is wanted again
    begun.set(key, loading);
  }
  return loading;
}
