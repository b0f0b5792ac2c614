import { Emitter } from './emitter.ts';
import type { Environment } from './environment.ts';
import { hasCode, HubbubError, inEnglish } from './errors.ts';
import { newID } from './id.ts';
import type { PersistentList } from './persistent-list.ts';
import type { AckEvent, Command, Name } from './protocol.ts';
import type { ReplyTarget } from './roomlog.ts';

/** A message in flight. `sent`: the log has it at `seq`, and its `msg` event has not come yet. */
export interface Outgoing {
  readonly room: string;
  /** The message id, the same for every attempt. */
  readonly id: string;
  readonly text: string;
  readonly replyTo?: ReplyTarget;
  /** The root of the thread that it is an answer in; the room shows it only if it is `broadcast`. */
  readonly thread?: Name;
  readonly broadcast?: boolean;
  /** When the user sent it, UTC ms. */
  readonly ts: number;
  readonly state: 'sending' | 'sent' | 'failed';
  /**
   * When the first attempt was made that may have reached the log, UTC ms: each later attempt says
   * so (`retry`).
   */
  readonly tried?: number;
  /** Its place in the log, from its ack. */
  readonly seq?: number;
  /** Why it failed, for a person, and the code of PROTOCOL.md. */
  readonly error?: string;
  readonly code?: string;
}

/** The thread in which a message is to be an answer, and whether its room is to show it, too. */
export interface InThread {
  readonly root: Name;
  readonly broadcast: boolean;
}

/** Those of some messages in flight that their room shows: the same list if that is all. */
export function shownInRoom(list: readonly Outgoing[]): readonly Outgoing[] {
  const aside = (m: Outgoing) => m.thread !== undefined && !m.broadcast;
  return list.some(aside) ? list.filter((m) => !aside(m)) : list;
}

/** Where messages in flight outlast the page: see PersistentList. What is optional a store may do without. */
export type OutboxStore = Pick<PersistentList<Outgoing>, 'load' | 'save'> & Partial<PersistentList<Outgoing>>;

interface Options {
  readonly send: (command: Extract<Command, { type: 'send' }>) => Promise<AckEvent>;
  /**
   * Whether the room is live on this connection, and all its earlier messages are accounted for.
   */
  readonly ready: (room: string) => boolean;
  /**
   * The client has everything of the room's log through this seq, or it is older than what is
   * loaded.
   */
  readonly heard: (room: string, seq: number) => boolean;
  /** The server says that the socket has not joined the room. */
  readonly notJoined: (room: string) => void;
  readonly environment: Environment;
  readonly store: OutboxStore;
}

/** How long to keep trying after an error that asks for another try, ms. */
const patience = 60_000;

/**
 * The messages that are not in the log yet. Each room has one in flight at a time, so that they
 * arrive in the order in which they were written. After a reconnect a room's messages wait until
 * the room is live again: by then the client knows which of them the log got, and sends none twice.
 */
export class Outbox extends Emitter<{ change: string }> {
  readonly #rooms = new Map<string, readonly Outgoing[]>();
  readonly #busy = new Set<string>();
  readonly #since = new Map<string, number>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #epoch = 0;
  readonly #o: Options;

  constructor(options: Options) {
    super();
    this.#o = options;
    // Another tab, of which this one is a copy, may have sent messages that the store calls
    // untried.
    for (const m of options.store.load()) this.#rooms.set(m.room, [...this.list(m.room), { ...m, tried: m.tried ?? m.ts }]);
    options.store.adopt?.((left) => this.#adopt(left));
  }

  /** The room's messages in flight, in the order in which they were written. */
  list(room: string): readonly Outgoing[] {
    return this.#rooms.get(room) ?? [];
  }

  /** Some messages are not acknowledged: they would be lost with the store. */
  get waiting(): boolean {
    return this.#unsent().length > 0;
  }

  /** What waits outlasts the page. */
  get persistent(): boolean {
    return this.#o.store.persistent === true;
  }

  /** Adds a message and sends it as soon as the room is ready. */
  add(room: string, text: string, replyTo?: Name, into?: InThread): Outgoing {
    const m: Outgoing = { room, id: newID(), text, ...(replyTo && { replyTo: { id: replyTo.id, user: replyTo.user } }), ...(into && { thread: into.root, broadcast: into.broadcast }), ts: this.#o.environment.now(), state: 'sending' };
    this.#set(room, [...this.list(room), m]);
    this.flush(room);
    return m;
  }

  /** Sends a failed message again, under the same id, after those that are waiting. */
  retry(room: string, id: string): void {
    const m = this.list(room).find((x) => x.id === id && x.state === 'failed');
    if (!m) return;
    const { error: _, code: __, ...rest } = m;
    this.#set(room, [...this.list(room).filter((x) => x !== m), { ...rest, state: 'sending' }]);
    this.flush(room);
  }

  /** Forgets a message: a failed one, at the user's wish, or one that is in the log. */
  remove(room: string, id: string): void {
    const before = this.list(room);
    const after = before.filter((m) => m.id !== id);
    if (after.length !== before.length) this.#set(room, after);
  }

  /**
   * The room is live and complete, and the messages that are still here are not in its log. So
   * those that a log acknowledged that was rewound afterwards are sent again, under the same id.
   */
  resendAll(room: string): void {
    this.#markUnsent(room, () => true);
    this.flush(room);
  }

  /**
   * The room's log went on. A message that was acknowledged at a seq that the log has passed
   * without it was deleted at once, or lost with the end of the log: sent again under the same id,
   * the server recognises it or stores it.
   */
  resendMissing(room: string): void {
    if (this.#markUnsent(room, (m) => m.seq !== undefined && this.#o.heard(room, m.seq))) this.flush(room);
  }

  /** Sends the messages that wait in the room, if the room is ready. */
  flush(room: string): void {
    if (!this.#busy.has(room) && !this.#timers.has(room)) void this.#sendNext(room);
  }

  /** The connection is lost: messages in flight wait for the room to be ready again. */
  pause(): void {
    this.#epoch++;
    this.#busy.clear();
    this.#since.clear();
    for (const t of this.#timers.values()) clearTimeout(t);
    this.#timers.clear();
  }

  /** Forgets everything, also in the store. */
  clear(): void {
    this.pause();
    const rooms = [...this.#rooms.keys()];
    for (const room of rooms) this.#set(room, []);
    this.#o.store.clear?.();
  }

  /** Nothing is sent from here any more; what waits is in the store for another. */
  close(): void {
    this.pause();
    this.#o.store.close?.();
  }

  /** Takes over what a tab has left that is gone: it may have tried to send it. */
  #adopt(left: readonly Outgoing[]): void {
    for (const room of new Set(left.map((m) => m.room))) {
      const mine = this.list(room);
      const theirs = left.filter((m) => m.room === room && !mine.some((x) => x.id === m.id)).map((m) => ({ ...m, tried: m.tried ?? m.ts }));
      this.#set(room, [...mine, ...theirs].toSorted((a, b) => a.ts - b.ts));
      this.flush(room);
    }
  }

  async #sendNext(room: string): Promise<void> {
    const epoch = this.#epoch;
    this.#busy.add(room);
    try {
      for (;;) {
        const m = this.list(room).find((x) => x.state === 'sending');
        if (!m || epoch !== this.#epoch || !this.#o.ready(room)) return;
        if (!(await this.#attempt(m, epoch))) return;
      }
    } finally {
      if (epoch === this.#epoch) this.#busy.delete(room);
    }
  }

  /** Sends one message. Returns whether the next may follow. */
  async #attempt(m: Outgoing, epoch: number): Promise<boolean> {
    const { room, id, text, replyTo, thread } = m;
    const now = this.#o.environment.now();
    const since = this.#since.get(id) ?? now;
    this.#since.set(id, since);
    const tried = m.tried ?? now;
    if (m.tried === undefined) this.#replace(m, { ...m, tried });
    try {
      const ack = await this.#o.send({
        type: 'send', room, msg_id: id, text,
        ...(replyTo && { reply_to: replyTo.id, ...(replyTo.user && { reply_author: replyTo.user }) }),
        ...(thread && { thread: { author: thread.user, id: thread.id }, ...(m.broadcast && { broadcast: true as const }) }), ...(m.tried !== undefined && { retry: true }),
      });
      this.#since.delete(id);
      // Without a seq it was a command, such as /list-users, and is not stored. At a seq that has
      // passed, it repeats a message of the log: that is shown, is on a page that is not loaded, or
      // was deleted.
      if (ack.seq === undefined || this.#o.heard(room, ack.seq)) this.remove(room, id);
      else this.#replace(m, { ...m, tried, state: 'sent', seq: ack.seq });
      return epoch === this.#epoch;
    } catch (err) {
      if (epoch !== this.#epoch || !(err instanceof HubbubError)) return false;
      // See the table of errors in PROTOCOL.md. After any other refusal the message is certainly
      // not in the log, so this attempt does not count as tried.
      const after: Outgoing = hasCode(err, 'unavailable', 'internal') ? { ...m, tried } : m;
      this.#replace(m, after);
      if (hasCode(err, 'not_joined')) {
        this.#o.notJoined(room);
        return false;
      }
      if (err.retryAfterMs !== undefined && this.#o.environment.now() - since + err.retryAfterMs < patience) {
        this.#timers.set(room, setTimeout(() => {
          this.#timers.delete(room);
          this.flush(room);
        }, Math.max(err.retryAfterMs, 50)));
        return false;
      }
      this.#since.delete(id);
      this.#replace(m, { ...after, state: 'failed', error: inEnglish(err), code: err.code });
      return true;
    }
  }

  /** Marks sent messages as unsent. Returns whether there were any. */
  #markUnsent(room: string, which: (m: Outgoing) => boolean): boolean {
    const list = this.list(room);
    const lost = (m: Outgoing) => m.state === 'sent' && which(m);
    if (!list.some(lost)) return false;
    this.#set(room, list.map((m) => {
      if (!lost(m)) return m;
      const { seq: _, ...rest } = m;
      return { ...rest, state: 'sending' };
    }));
    return true;
  }

  #replace(old: Outgoing, next: Outgoing): void {
    this.#set(old.room, this.list(old.room).map((m) => (m.id === old.id ? next : m)));
  }

  #set(room: string, list: readonly Outgoing[]): void {
    if (list.length) this.#rooms.set(room, list);
    else this.#rooms.delete(room);
    // The log has the sent ones: only the rest needs to outlast a reload.
    this.#o.store.save(this.#unsent());
    this.emit('change', room);
  }

  #unsent(): Outgoing[] {
    return [...this.#rooms.values()].flat().filter((m) => m.state !== 'sent');
  }
}
