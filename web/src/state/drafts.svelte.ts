/** Unsent texts, per room, over reloads; all tabs of the page share them. */
export class Drafts {
  readonly #key: string;
  #drafts = $state.raw<Record<string, string>>({});
  readonly #listener: (e: StorageEvent) => void;

  /** `changed` is called when another tab has changed drafts. */
  constructor(key: string, changed: () => void) {
    this.#key = key;
    this.#drafts = read(key) ?? {};
    this.#listener = (e) => {
      if (e.key !== key && e.key !== null) return;
      this.#drafts = read(key) ?? {};
      changed();
    };
    globalThis.addEventListener?.('storage', this.#listener);
  }

  close(): void {
    globalThis.removeEventListener?.('storage', this.#listener);
  }

  get(room: string): string {
    return this.#drafts[room] ?? '';
  }

  /** Forgets all drafts, for example when the user logs out. */
  clear(): void {
    this.#drafts = {};
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // Storage is off: nothing was kept.
    }
  }

  set(room: string, text: string): void {
    // Other tabs write the same key: read theirs first, and change only one room.
    const { [room]: _, ...others } = read(this.#key) ?? this.#drafts;
    this.#drafts = text.trim() ? { ...others, [room]: text } : others;
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.#drafts));
    } catch {
      // Storage is off or full: drafts last as long as the page.
    }
  }
}

/** Returns what is stored; undefined: storage is off. */
function read(key: string): Record<string, string> | undefined {
  let stored: string | null;
  try {
    stored = localStorage.getItem(key);
  } catch {
    return undefined;
  }
  try {
    const v: unknown = JSON.parse(stored ?? '{}');
    if (typeof v !== 'object' || v === null) return {};
    return Object.fromEntries(Object.entries(v).filter((e): e is [string, string] => typeof e[1] === 'string'));
  } catch {
    return {}; // another program's value
  }
}
