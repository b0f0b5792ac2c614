import { type Inbox, inboxRooms, type InboxRoom } from './inbox.ts';

interface Options {
  readonly inbox: Inbox;
  readonly online: () => boolean;
  /** Asks again what is new in all rooms. */
  readonly renew: () => void;
  /** Asks what is new in one room: rooms as the server says them. */
  readonly ask: (room: string) => Promise<readonly unknown[]>;
  /** How far the user has read a room. */
  readonly read: (room: string) => number | undefined;
}

/** The wait before it is asked again what is new, so that many reasons for it are one, ms. */
const after = 1_000;

/** Asks the server again what is new, where what it has said may not be so any more. */
export class UnreadRecounts {
  readonly #o: Options;
  #all: ReturnType<typeof setTimeout> | undefined;
  readonly #rooms = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(options: Options) {
    this.#o = options;
  }

  /** In this room something was counted that may not be any more. */
  recount(room: string): void {
    if (!this.#o.inbox.get(room)?.unread || this.#all !== undefined) return;
    this.#all = setTimeout(() => {
      this.#all = undefined;
      if (this.#o.online()) this.#o.renew();
    }, after);
  }

  /**
   * The user has read on in this room: of several mentions that were counted, the first may be read,
   * and only the server knows where the next is.
   */
  recountMentions(room: string): void {
    if (!this.#open(room) || this.#rooms.has(room)) return;
    this.#rooms.set(room, setTimeout(() => {
      this.#rooms.delete(room);
      if (this.#open(room) && this.#o.online()) void this.#ask(room);
    }, 2 * after)); // the server is told of the position within one
  }

  close(): void {
    clearTimeout(this.#all);
    this.#all = undefined;
    for (const timer of this.#rooms.values()) clearTimeout(timer);
    this.#rooms.clear();
  }

  #open(room: string): InboxRoom | undefined {
    const base = this.#o.inbox.get(room);
    const read = this.#o.read(room);
    const open = base !== undefined && read !== undefined && base.mentions > 1 && read > base.read && read < base.through && base.firstMention! <= read;
    return open ? base : undefined;
  }

  async #ask(room: string): Promise<void> {
    const now = await this.#o.ask(room).then(inboxRooms, () => []); // else the next inbox says it
    this.#o.inbox.take(now.filter((r) => r.room === room));
  }
}
