/** What the entries of the history hold for this page. */
interface EntryState {
  /** The id of the overlay that was opened with this entry. */
  readonly layer?: string;
  /** The page from which the user came to this place. */
  readonly from?: string;
}

interface Overlay {
  readonly id: string;
  readonly close: () => void;
}

/** The parts of a window that navigation uses. */
export type BrowserWindow = Pick<Window, 'history' | 'location' | 'addEventListener' | 'setTimeout'>;

/**
 * Goes to places of the page, and keeps an entry in the browser's history for each overlay: a
 * dialog, sheet, panel or picker. So Back closes the topmost, also by the gesture or the button of
 * a phone. An overlay that was closed otherwise removes its entry. Going forward opens nothing: an
 * entry whose overlay is closed is stepped over.
 */
export class Navigation {
  readonly #window: BrowserWindow;
  readonly #open: Overlay[] = [];
  /** The page is on its way back from the entry of an overlay that was closed. */
  #leaving = false;
  /** What was opened since: its entry comes when the page is there, for else it would be left. */
  readonly #late: Overlay[] = [];
  /** Entries of an earlier load of the page have ids of their own. */
  readonly #load = Math.random().toString(36).slice(2);
  #made = 0;

  constructor(window: BrowserWindow) {
    this.#window = window;
    // After a reload nothing lies over the page.
    if (this.#state.layer !== undefined || window.history.state === null) window.history.replaceState({ from: this.#state.from ?? '' }, '');
    window.addEventListener('popstate', () => this.#moved());
  }

  /**
   * Notes that an overlay was opened; `close` is called when the user goes back. Returns what to
   * call when it is closed in whatever way.
   */
  openOverlay(close: () => void): () => void {
    const overlay = { id: `${this.#load}-${++this.#made}`, close };
    if (this.#leaving) this.#late.push(overlay);
    else this.#enter(overlay);
    return () => {
      for (const list of [this.#open, this.#late]) if (list.includes(overlay)) list.splice(list.indexOf(overlay), 1);
      // Where something else is opened in its place, or the page goes elsewhere, that has its
      // entry.
      this.#window.setTimeout(() => {
        if (!this.#leaving && this.#state.layer === overlay.id) this.#leave();
      }, 0);
    };
  }

  #enter(overlay: Overlay): void {
    const { history } = this.#window;
    // One takes the place of another: it takes its entry, too.
    const stale = this.#state.layer !== undefined && !this.#open.some((l) => l.id === this.#state.layer);
    this.#open.push(overlay);
    const mark: EntryState = { from: this.#state.from ?? '', layer: overlay.id };
    if (stale) history.replaceState(mark, '');
    else history.pushState(mark, '');
  }

  /** Goes to a place. The entry of an overlay over this one becomes that of the place. */
  go(hash: string): void {
    const { location } = this.#window;
    if (location.hash === hash) return;
    if (this.#state.layer !== undefined) location.replace(hash);
    else location.hash = hash;
  }

  /** Goes to a place that is above this one: back, if the user came from there. */
  up(page: string, hash: string): void {
    if (this.#state.layer === undefined && this.#state.from === page) this.#window.history.back();
    else this.#window.location.replace(hash);
  }

  /** Notes from which page the user came to where they are now, unless they were here before. */
  arrived(from: string): void {
    if (this.#window.history.state === null) this.#window.history.replaceState({ from }, '');
  }

  get #state(): EntryState {
    const state: unknown = this.#window.history.state;
    return typeof state === 'object' && state !== null ? state : {};
  }

  /** Goes back from the entry of an overlay that was closed. */
  #leave(): void {
    this.#leaving = true;
    this.#window.history.back();
  }

  #moved(): void {
    const id = this.#state.layer;
    const at = id === undefined ? -1 : this.#open.findIndex((l) => l.id === id);
    for (const overlay of this.#open.splice(at + 1).toReversed()) overlay.close();
    if (id !== undefined && at < 0) this.#leave();
    else {
      this.#leaving = false;
      for (const overlay of this.#late.splice(0)) this.#enter(overlay);
    }
  }
}
