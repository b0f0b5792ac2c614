import type { LanguageChoice } from '../lang/languages.ts';
import { direction, language, speak } from '../lang/language.svelte.ts';
import { keepSpoken, lookKey as key, savedLanguage, savedLook } from '../lang/saved.ts';
import { useHours } from '../text/time.svelte.ts';

/** What somebody likes to look at, on this browser. */
export interface Choice {
  readonly theme: 'system' | 'light' | 'dark';
  readonly density: 'roomy' | 'compact';
  readonly hours: 'system' | '12' | '24';
  readonly language: LanguageChoice;
  /** Whether rooms show who comes and goes. */
  readonly comings: 'shown' | 'hidden';
}

const usual: Choice = { theme: 'system', density: 'roomy', hours: 'system', language: 'system', comings: 'shown' };

/** How the page looks. Other tabs of the page look the same. */
export class Look {
  choice = $state.raw<Choice>(usual);
  /** Whether the language that was asked for last could be loaded. */
  spoken: Promise<boolean> = Promise.resolve(true);

  #asked: LanguageChoice | undefined;

  constructor() {
    this.#read();
    window.addEventListener('storage', (e) => (e.key === key || e.key === null) && this.#read());
  }

  choose(change: Partial<Choice>): void {
    this.#show({ ...this.choice, ...change });
    try {
      localStorage.setItem(key, JSON.stringify(this.choice));
    } catch {
      // Storage is off or full: it lasts as long as the page.
    }
  }

  #read(): void {
    const v: Partial<Record<keyof Choice, unknown>> = savedLook();
    this.#show({
      theme: v.theme === 'light' || v.theme === 'dark' ? v.theme : 'system',
      density: v.density === 'compact' ? 'compact' : 'roomy',
      hours: v.hours === '12' || v.hours === '24' ? v.hours : 'system',
      language: savedLanguage(v),
      comings: v.comings === 'hidden' ? 'hidden' : 'shown',
    });
  }

  #show(choice: Choice): void {
    const { dataset } = document.documentElement;
    dataset['theme'] = choice.theme;
    dataset['density'] = choice.density;
    useHours(choice.hours);
    if (choice.language !== this.#asked) this.spoken = this.#speak((this.#asked = choice.language));
    this.choice = choice;
  }

  async #speak(choice: LanguageChoice): Promise<boolean> {
    try {
      await speak(choice);
    } catch {
      if (this.#asked === choice) this.#asked = undefined; // whoever asks again, tries again
      return false;
    }
    const root = document.documentElement;
    root.lang = language();
    root.dir = direction();
    void keepSpoken(language());
    return true;
  }
}
