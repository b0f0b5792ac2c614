import type { Room } from './room.ts';

/** The waits after a rule was changed, and the wait between two checks after that, ms. */
const soon = [3_000, 30_000, 120_000];
const between = 600_000;

/**
 * Finds out what retention has removed of the rooms that are looked at: the log does not say it,
 * since a room of years would be told of thousands.
 */
export class Removals {
  readonly #looked: () => Iterable<Room>;
  readonly #random: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(looked: () => Iterable<Room>, random: () => number) {
    this.#looked = looked;
    this.#random = random;
  }

  /** Begins to look, now and then; `changed`: a rule is another now, and history goes by it soon. */
  start(changed = false): void {
    this.#wait(changed ? soon : []);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #wait([wait = between, ...rest]: readonly number[]): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#wait(rest);
      for (const room of this.#looked()) if (room.info.kept && room.live) room.findRemoved(Date.now()).catch(() => undefined); // the next time, then
    }, wait * (0.75 + 0.5 * this.#random()));
  }
}
