import { HubbubError } from './errors.ts';
import type { Command, ReplyOf, WhoEvent } from './protocol.ts';
import { sleep } from './sleep.ts';

interface Options {
  readonly request: <C extends Command>(command: C) => Promise<ReplyOf<C>>;
  readonly tell: (command: Command) => void;
  /** `who` is being asked about a room. */
  readonly asked: (room: string) => void;
  /** An answer of `who` arrived, with the place that it was asked from. */
  readonly listed: (who: WhoEvent, from: string | undefined) => void;
  /** The room is not watched any more. */
  readonly unwatched: (room: string) => void;
}

/** The rooms that are watched on the connection: the server sends their presence events. */
export class Watches {
  readonly #rooms = new Set<string>();
  readonly #asking = new Set<string>();
  #epoch = 0;
  readonly #o: Options;

  constructor(options: Options) {
    this.#o = options;
  }

  has(room: string): boolean {
    return this.#rooms.has(room);
  }

  /** The connection is lost, and with it every watch. */
  lost(): void {
    this.#epoch++;
    this.#rooms.clear();
  }

  /** Watches exactly these rooms, which the socket has joined. */
  set(wanted: ReadonlySet<string>): void {
    for (const room of this.#rooms) {
      if (wanted.has(room)) continue;
      this.forget(room);
      this.#o.tell({ type: 'watch', room, on: false });
    }
    for (const room of wanted) {
      if (this.#rooms.has(room)) continue;
      this.#rooms.add(room);
      void this.#watch(room, this.#epoch);
    }
  }

  /** The user is not in the room any more. */
  forget(room: string): void {
    this.#rooms.delete(room);
    this.#o.unwatched(room);
  }

  /** Asks who is in a watched room, from a place on, unless that is being asked already. */
  async list(room: string, from: string | undefined): Promise<void> {
    if (this.#asking.has(room)) return;
    this.#asking.add(room);
    try {
      const epoch = this.#epoch;
      this.#o.asked(room);
      const who = await this.#o.request({ type: 'who', room, ...(from === undefined ? {} : { next: from }) });
      if (epoch === this.#epoch && this.#rooms.has(room)) this.#o.listed(who, from);
    } finally {
      this.#asking.delete(room);
    }
  }

  async #watch(room: string, epoch: number): Promise<void> {
    const current = () => epoch === this.#epoch && this.#rooms.has(room);
    while (current()) {
      try {
        // First watch, then ask: changes in between arrive as events.
        await this.#o.request({ type: 'watch', room, on: true });
        this.#o.asked(room);
        const who = await this.#o.request({ type: 'who', room });
        if (current()) this.#o.listed(who, undefined);
        return;
      } catch (err) {
        if (!(err instanceof HubbubError)) return; // the connection is lost
        if (err.retryAfterMs === undefined) {
          if (current()) this.#rooms.delete(room);
          return;
        }
        await sleep(err.retryAfterMs);
      }
    }
  }
}
