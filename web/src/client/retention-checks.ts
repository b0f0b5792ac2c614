import type { Room } from './room.ts';

/** The waits after a rule was changed, and the wait between two checks after that, ms. */
const soon = [3_000, 30_000, 120_000];
const between = 600_000;

/**
 * Finds out what retention has removed of the rooms that are looked at: the log does not say it,
 * since a room of years would be told of thousands.
 */
export class RetentionChecks {
  readonly #viewed: () => Iterable<Room>;
  readonly #random: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(viewed: () => Iterable<Room>, random: () => number) {
    this.#viewed = viewed;
    this.#random = random;
  }

  /** Begins to check, now and then; `changed`: a rule has changed, and history follows it soon. */
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
      for (const room of this.#viewed()) if (room.info.kept && room.live) room.dropRemoved(Date.now()).catch(() => undefined); // the next time, then
    }, wait * (0.75 + 0.5 * this.#random()));
  }
}
