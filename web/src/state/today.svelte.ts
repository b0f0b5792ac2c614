/**
 * How often the day is looked at: a machine that slept is late with what was set for midnight, ms.
 */
const pause = 60_000;

/**
 * The day that it is for the reader, and that it has become another: at midnight, or after a sleep.
 */
export class Today {
  /** A time of today: what is asked of a day, such as whether it is yesterday, is asked with it. */
  at = $state(Date.now());
  #midnight: ReturnType<typeof setTimeout> | undefined;
  readonly #interval: ReturnType<typeof setInterval>;
  readonly #abort = new AbortController();

  /** Starts to look. Call close when done. */
  constructor() {
    this.#interval = setInterval(() => this.#look(), pause);
    document.addEventListener('visibilitychange', () => this.#look(), { signal: this.#abort.signal });
    this.#wait();
  }

  close(): void {
    this.#abort.abort();
    clearInterval(this.#interval);
    clearTimeout(this.#midnight);
  }

  #look(): void {
    const now = Date.now();
    if (new Date(now).toDateString() === new Date(this.at).toDateString()) return;
    this.at = now;
    this.#wait();
  }

  #wait(): void {
    clearTimeout(this.#midnight);
    const next = new Date();
    next.setHours(24, 0, 0, 0);
    this.#midnight = setTimeout(() => {
      this.#look();
      this.#wait();
    }, Math.max(1, next.getTime() - Date.now()));
  }
}
