/** Texts that were begun and not sent, per room, over reloads. */
export class Drafts {
  readonly #key: string;
  #drafts: Record<string, string>;

  constructor(key: string) {
    this.#key = key;
    this.#drafts = read(key);
  }

  get(room: string): string {
    return this.#drafts[room] ?? '';
  }

  /** Forgets all drafts, as when the user logs out. */
  clear(): void {
    this.#drafts = {};
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // Storage is off: nothing was kept.
    }
  }

  set(room: string, text: string): void {
    // Other tabs write the same key: take what they have, and change one room only.
    const { [room]: _, ...others } = read(this.#key);
    this.#drafts = text.trim() ? { ...others, [room]: text } : others;
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.#drafts));
    } catch {
      // Storage is off or full: drafts last as long as the page.
    }
  }
}

function read(key: string): Record<string, string> {
  try {
    const v: unknown = JSON.parse(localStorage.getItem(key) ?? '{}');
    if (typeof v !== 'object' || v === null) return {};
    return Object.fromEntries(Object.entries(v).filter((e): e is [string, string] => typeof e[1] === 'string'));
  } catch {
    return {};
  }
}
