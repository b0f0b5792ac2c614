/**
 * The share of the server's rate that bulk work takes; the rest is for what the user does
 * meanwhile.
 */
const share = 0.6;
/** A server accepts at least this many seconds' worth at once. */
const burstSeconds = 4;

/**
 * Spreads commands that come in bulk, for example to join hundreds of rooms, below the server's
 * rate.
 */
export class RateLimiter {
  readonly #interval: number;
  readonly #burst: number;
  #next: number;

  /** `rate` is the server's limit in commands a second; 0: there is none. `now` in ms. */
  constructor(rate: number, now: number) {
    this.#interval = rate > 0 ? 1_000 / (rate * share) : 0;
    this.#burst = 1_000 * burstSeconds * share;
    this.#next = now - this.#burst;
  }

  /** Reserves room for `n` commands, and returns how long to wait before sending them, ms. */
  reserve(n: number, now: number): number {
    const from = Math.max(this.#next, now - this.#burst);
    this.#next = from + n * this.#interval;
    return Math.max(0, this.#next - now);
  }
}
