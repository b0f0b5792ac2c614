import { useHours } from '../text/time.ts';

/** What somebody likes to look at, on this browser. */
export interface Choice {
  readonly theme: 'system' | 'light' | 'dark';
  readonly density: 'roomy' | 'compact';
  readonly hours: 'system' | '12' | '24';
  /** Whether rooms show who comes and goes. */
  readonly comings: 'shown' | 'hidden';
}

const key = 'hubbub.look';
const usual: Choice = { theme: 'system', density: 'roomy', hours: 'system', comings: 'shown' };

/** How the page looks. Other tabs of the page look the same. */
export class Look {
  choice = $state.raw<Choice>(usual);

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
    let v: Partial<Record<keyof Choice, unknown>> = {};
    try {
      v = (JSON.parse(localStorage.getItem(key) ?? '{}') ?? {}) as typeof v;
    } catch {
      // Storage is off, or has something else.
    }
    this.#show({
      theme: v.theme === 'light' || v.theme === 'dark' ? v.theme : 'system',
      density: v.density === 'compact' ? 'compact' : 'roomy',
      hours: v.hours === '12' || v.hours === '24' ? v.hours : 'system',
      comings: v.comings === 'hidden' ? 'hidden' : 'shown',
    });
  }

  #show(choice: Choice): void {
    const { dataset } = document.documentElement;
    dataset['theme'] = choice.theme;
    dataset['density'] = choice.density;
    useHours(choice.hours);
    this.choice = choice;
  }
}
