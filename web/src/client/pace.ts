/**
 * The share of the server's rate that work in bulk takes; the rest is for what the user does
 * meanwhile.
 */
const share = 0.6;
/** A server takes this many seconds' worth at once, at the least. */
const burstSeconds = 4;

/**
 * Spreads commands that come in bulk, such as those of joining hundreds of rooms, under the
 * server's rate.
 */
export class Pace {
  readonly #interval: number;
  readonly #burst: number;
  #next: number;

  /** `rate` is the server's limit in commands a second; 0: there is none. `now` in ms. */
  constructor(rate: number, now: number) {
    this.#interval = rate > 0 ? 1_000 / (rate * share) : 0;
    this.#burst = 1_000 * burstSeconds * share;
    this.#next = now - this.#burst;
  }

  /** Takes room for `n` commands, and returns how long to wait before sending them, ms. */
  take(n: number, now: number): number {
    const from = Math.max(this.#next, now - this.#burst);
    this.#next = from + n * this.#interval;
    return Math.max(0, this.#next - now);
  }
}
