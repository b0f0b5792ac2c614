/** What the entries of the history hold for this page. */
interface Mark {
  /** The layer that was opened with this entry. */
  readonly layer?: string;
  /** The page from which the user came to this place. */
  readonly from?: string;
}

interface Layer {
  readonly id: string;
  readonly close: () => void;
}

/** The parts of a window that layers use. */
export type Surroundings = Pick<Window, 'history' | 'location' | 'addEventListener' | 'setTimeout'>;

/**
 * What lies over the page: dialogs, sheets, panels and pickers. Each has an entry of its own in the
 * browser's history, so that Back closes the topmost, also by the gesture or the button of a phone.
 * A layer that was closed otherwise takes its entry with it. Going forward opens nothing: an entry
 * whose layer is closed is stepped over.
 */
export class Layers {
  readonly #window: Surroundings;
  readonly #open: Layer[] = [];
  /** The page is on its way back from the entry of a layer that was closed. */
  #leaving = false;
  /** What was opened since: its entry comes when the page is there, for else it would be left. */
  readonly #late: Layer[] = [];
  /** Entries of an earlier load of the page have ids of their own. */
  readonly #load = Math.random().toString(36).slice(2);
  #made = 0;

  constructor(window: Surroundings) {
    this.#window = window;
    // After a reload nothing lies over the page.
    if (this.#mark.layer !== undefined || window.history.state === null) window.history.replaceState({ from: this.#mark.from ?? '' }, '');
    window.addEventListener('popstate', () => this.#moved());
  }

  /**
   * Notes that a layer was opened; `close` is called when the user goes back. Returns what is to be
   * called when it is closed in whatever way.
   */
  open(close: () => void): () => void {
    const layer = { id: `${this.#load}-${++this.#made}`, close };
    if (this.#leaving) this.#late.push(layer);
    else this.#enter(layer);
    return () => {
      for (const list of [this.#open, this.#late]) if (list.includes(layer)) list.splice(list.indexOf(layer), 1);
      // Where something else is opened in its place, or the page goes elsewhere, that has its
      // entry.
      this.#window.setTimeout(() => {
        if (this.#mark.layer !== layer.id) return;
        this.#leaving = true;
        this.#window.history.back();
      }, 0);
    };
  }

  #enter(layer: Layer): void {
    const { history } = this.#window;
    // One takes the place of another: it takes its entry, too.
    const stale = this.#mark.layer !== undefined && !this.#open.some((l) => l.id === this.#mark.layer);
    this.#open.push(layer);
    const mark: Mark = { from: this.#mark.from ?? '', layer: layer.id };
    if (stale) history.replaceState(mark, '');
    else history.pushState(mark, '');
  }

  /** Goes to a place. The entry of a layer that lies over this one becomes that of the place. */
  go(hash: string): void {
    const { location } = this.#window;
    if (location.hash === hash) return;
    if (this.#mark.layer !== undefined) location.replace(hash);
    else location.hash = hash;
  }

  /** Goes to a place that is above this one: back, if the user came from there. */
  up(page: string, hash: string): void {
    if (this.#mark.layer === undefined && this.#mark.from === page) this.#window.history.back();
    else this.#window.location.replace(hash);
  }

  /** Notes from which page the user came to where they are now, unless they were here before. */
  arrived(from: string): void {
    if (this.#window.history.state === null) this.#window.history.replaceState({ from }, '');
  }

  get #mark(): Mark {
    const state: unknown = this.#window.history.state;
    return typeof state === 'object' && state !== null ? state : {};
  }

  #moved(): void {
    const id = this.#mark.layer;
    const at = id === undefined ? -1 : this.#open.findIndex((l) => l.id === id);
    for (const layer of this.#open.splice(at + 1).toReversed()) layer.close();
    if (id !== undefined && at < 0) this.#window.history.back();
    else {
      this.#leaving = false;
      for (const layer of this.#late.splice(0)) this.#enter(layer);
    }
  }
}
