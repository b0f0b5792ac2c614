/** How many places of the list are remembered; the others are out of sight. */
const remembered = 100;
/** The least time between two writes, ms. */
const pause = 3_000;

/**
 * The order of the list of rooms when the page was left. It holds until the newest message of each
 * room is known, so that no row jumps while they arrive.
 */
export class ListOrder {
  readonly #key: string;
  readonly #places: ReadonlyMap<string, number>;
  #next: readonly string[] | undefined;
  #written: string;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(key: string) {
    this.#key = key;
    this.#written = read(key);
    this.#places = new Map(parse(this.#written).map((id, i) => [id, i]));
  }

  /** Returns a room's place; unknown rooms come after all others. */
  place(room: string): number {
    return this.#places.get(room) ?? remembered;
  }

  /** Remembers the order of the rooms as it is now. */
  note(rooms: readonly string[]): void {
    this.#next = rooms;
    this.#timer ??= setTimeout(() => this.#write(), pause);
  }

  close(): void {
    if (this.#timer !== undefined) this.#write();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = JSON.stringify(this.#next?.slice(0, remembered) ?? []);
    if (text === this.#written) return;
    this.#written = text;
    try {
      localStorage.setItem(this.#key, text);
    } catch {
      // Storage is off or full: then the list jumps a little at the next start.
    }
  }
}

function read(key: string): string {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

function parse(text: string): string[] {
  try {
    const v: unknown = JSON.parse(text || '[]');
    return Array.isArray(v) ? v.filter((id) => typeof id === 'string').slice(0, remembered) : [];
  } catch {
    return [];
  }
}
