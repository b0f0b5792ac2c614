import type { Status } from '../client/index.ts';

type Choice = Exclude<Status, 'offline'>;

const choices: readonly string[] = ['online', 'idle', 'dnd', 'invisible'];

/** The status that the user chose: the same in all tabs, and after a reload. */
export class StatusPreference {
  readonly #key: string;
  readonly #listener: (e: StorageEvent) => void;

  /** `changed` is called when another tab has changed it. */
  constructor(key: string, changed: (status: Choice) => void) {
    this.#key = key;
    this.#listener = (e) => {
      if (e.key === key || e.key === null) changed(this.status);
    };
    window.addEventListener('storage', this.#listener);
  }

  get status(): Choice {
    try {
      const v = localStorage.getItem(this.#key) ?? '';
      return choices.includes(v) ? (v as Choice) : 'online';
    } catch {
      return 'online'; // storage is off
    }
  }

  choose(status: Choice): void {
    try {
      if (status === 'online') localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, status);
    } catch {
      // Storage is off or full: the choice lasts as long as the page.
    }
  }

  close(): void {
    window.removeEventListener('storage', this.#listener);
  }
}
