import type { LanguageChoice } from '../lang/languages.ts';
import { direction, language, setLanguage } from '../lang/language.svelte.ts';
import { saveSpokenLanguage, appearanceKey as key, savedLanguage, savedAppearance } from '../lang/saved.ts';
import { useHours } from '../text/time.svelte.ts';

/** What somebody likes to look at, on this browser. */
export interface AppearanceSettings {
  readonly theme: 'system' | 'light' | 'dark';
  readonly density: 'roomy' | 'compact';
  readonly hours: 'system' | '12' | '24';
  readonly language: LanguageChoice;
  /** Whether rooms show who comes and goes. */
  readonly comings: 'shown' | 'hidden';
}

const usual: AppearanceSettings = { theme: 'system', density: 'roomy', hours: 'system', language: 'system', comings: 'shown' };

/** How the page looks. Other tabs of the page look the same. */
export class Appearance {
  settings = $state.raw<AppearanceSettings>(usual);
  /** Whether the language that was asked for last could be loaded. */
  languageLoaded: Promise<boolean> = Promise.resolve(true);

  #asked: LanguageChoice | undefined;

  constructor() {
    this.#read();
    window.addEventListener('storage', (e) => (e.key === key || e.key === null) && this.#read());
  }

  choose(change: Partial<AppearanceSettings>): void {
    this.#show({ ...this.settings, ...change });
    try {
      localStorage.setItem(key, JSON.stringify(this.settings));
    } catch {
      // Storage is off or full: it lasts as long as the page.
    }
  }

  #read(): void {
    const v: Partial<Record<keyof AppearanceSettings, unknown>> = savedAppearance();
    this.#show({
      theme: v.theme === 'light' || v.theme === 'dark' ? v.theme : 'system',
      density: v.density === 'compact' ? 'compact' : 'roomy',
      hours: v.hours === '12' || v.hours === '24' ? v.hours : 'system',
      language: savedLanguage(v),
      comings: v.comings === 'hidden' ? 'hidden' : 'shown',
    });
  }

  #show(choice: AppearanceSettings): void {
    const { dataset } = document.documentElement;
    dataset['theme'] = choice.theme;
    dataset['density'] = choice.density;
    useHours(choice.hours);
    if (choice.language !== this.#asked) this.languageLoaded = this.#speak((this.#asked = choice.language));
    this.settings = choice;
  }

  async #speak(choice: LanguageChoice): Promise<boolean> {
    try {
      await setLanguage(choice);
    } catch {
      if (this.#asked === choice) this.#asked = undefined; // whoever asks again, tries again
      return false;
    }
    const root = document.documentElement;
    root.lang = language();
    root.dir = direction();
    void saveSpokenLanguage(language());
    return true;
  }
}
