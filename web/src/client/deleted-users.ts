import type { Message } from './roomlog.ts';

/** The name that is shown for a deleted account. */
export const deletedUserName = 'Deleted account';

/**
 * How many people are asked about at a time, how long to collect them, and how long to wait after a
 * failure, ms.
 */
const most = 100;
const soon = 50;
const later = 15_000;

/**
 * Finds out who has deleted their account: the log keeps the name that a message was sent under,
 * and the page stops showing it. It asks once about each author of a shown message.
 */
export class DeletedUsers {
  readonly #gone = new Set<string>();
  readonly #known = new Set<string>();
  readonly #waiting = new Set<string>();
  /** Those of whom an answer is on its way. */
  #asked: readonly string[] = [];
  /** Messages under their authors' present name. */
  readonly #renamed = new WeakMap<Message, Message>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #ask: (users: string[]) => Promise<string[]>;
  readonly #changed: (gone: readonly string[]) => void;

  readonly #me: string;

  /**
   * `me` is there, as whoever asks; `ask` returns which of some users have deleted their account;
   * `changed` is called with the new ones.
   */
  constructor(me: string, ask: (users: string[]) => Promise<string[]>, changed: (gone: readonly string[]) => void) {
    this.#me = me;
    this.#ask = ask;
    this.#changed = changed;
  }

  /** Returns messages under the names to show, and asks about authors that are not known yet. */
  withCurrentNames(messages: readonly Message[]): readonly Message[] {
    let any = false;
    for (const { user } of messages) {
      if (this.#gone.has(user)) any = true;
      else if (user !== this.#me && !this.#known.has(user)) this.#check(user);
    }
    return any ? messages.map((m) => (this.#gone.has(m.user) ? this.#rename(m) : m)) : messages;
  }

  /** Somebody has left a room, perhaps because they deleted their account. */
  recheck(user: string): void {
    if (this.#known.delete(user)) this.#check(user);
  }

  /** Much may have happened meanwhile: ask again about everybody when they are shown. */
  recheckAll(): void {
    this.#known.clear();
    for (const user of [...this.#waiting, ...this.#asked]) this.#known.add(user);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #rename(m: Message): Message {
    const renamed = this.#renamed.get(m) ?? { ...m, name: deletedUserName };
    this.#renamed.set(m, renamed);
    return renamed;
  }

  #check(user: string): void {
    this.#known.add(user);
    this.#waiting.add(user);
    this.#timer ??= setTimeout(() => void this.#find(), soon);
  }

  async #find(): Promise<void> {
    const users = [...this.#waiting].slice(0, most);
    for (const u of users) this.#waiting.delete(u);
    this.#asked = users;
    let wait = soon;
    try {
      const gone = (await this.#ask(users)).filter((u) => !this.#gone.has(u));
      for (const u of gone) this.#gone.add(u);
      if (gone.length) this.#changed(gone);
    } catch {
      for (const u of users) this.#waiting.add(u);
      wait = later;
    }
    this.#asked = [];
    this.#timer = this.#waiting.size ? setTimeout(() => void this.#find(), wait) : undefined;
  }
}
