import { Emitter } from './emitter.ts';

/** Where the user's own read positions outlast the page, in case the server does not keep them. */
export interface ReadsStore {
  load(): Record<string, number>;
  save(reads: Record<string, number>): void;
}

/** How often a room's position is sent to the server at most, ms. */
const every = 1_000;
/**
 * How many readers of a room are remembered; the ones not seen for longest are evicted first.
 * Positions are sent in rooms of up to 50, but over the days many may come and go.
 */
const remembered = 200;

/**
 * How far everybody has read: the largest seq per room and user. The user's own positions are sent
 * to the server at most once a second and room.
 */
export class Reads extends Emitter<{ change: string }> {
  readonly #mine: Map<string, number>;
  readonly #others = new Map<string, Map<string, number>>();
  /** What the server has from here or from elsewhere, and of it what it has for certain. */
  #told = new Map<string, number>();
  readonly #certain = new Map<string, number>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #store: ReadsStore;
  readonly #tell: (room: string, seq: number) => boolean;

  /** `tell` returns whether the position is on its way to the server. */
  constructor(store: ReadsStore, tell: (room: string, seq: number) => boolean) {
    super();
    this.#store = store;
    this.#tell = tell;
    this.#mine = new Map(Object.entries(store.load()));
  }

  /** The user's own position in a room; undefined: unknown. */
  mine(room: string): number | undefined {
    return this.#mine.get(room);
  }

  /** The ids of the others who have read the room at least through seq. */
  readers(room: string, seq: number): readonly string[] {
    return [...(this.#others.get(room) ?? [])].filter(([, s]) => s >= seq).map(([user]) => user);
  }

  /** The user has read the room through seq on this page. */
  mark(room: string, seq: number): void {
    if (!this.#raise(room, seq) || this.#timers.has(room)) return;
    this.#flush(room);
    this.#timers.set(room, setTimeout(() => {
      this.#timers.delete(room);
      this.#flush(room);
    }, every));
  }

  /**
   * The user has read the room through seq elsewhere, or a first position is set: the server knows.
   */
  advanceFromServer(room: string, seq: number): void {
    this.#certain.set(room, Math.max(this.#certain.get(room) ?? 0, seq));
    this.#told.set(room, Math.max(this.#told.get(room) ?? 0, seq));
    this.#raise(room, seq);
  }

  /**
   * The server reports how far the user has read rooms: only positions from this page that it does
   * not have yet can be further.
   */
  replaceFromServer(positions: readonly { readonly room: string; readonly read: number }[]): void {
    const changed: string[] = [];
    for (const { room, read } of positions) {
      const mine = this.#mine.get(room);
      const told = this.#told.get(room);
      const untold = mine !== undefined && told !== undefined && mine > Math.max(read, told);
      this.#certain.set(room, read);
      this.#told.set(room, read);
      if (untold || mine === read) continue;
      this.#mine.set(room, read);
      changed.push(room);
    }
    if (changed.length) this.#save();
    for (const room of changed) this.emit('change', room);
  }

  /** The user marks the messages after seq as unread; the server knows. */
  markUnread(room: string, seq: number): void {
    clearTimeout(this.#timers.get(room));
    this.#timers.delete(room);
    this.#certain.set(room, seq);
    this.#told.set(room, seq);
    this.#set(room, seq);
  }

  /** The connection is lost, perhaps with the latest positions. */
  connectionLost(): void {
    this.#told = new Map(this.#certain);
  }

  /** The room is live: sends the server what it may not have. */
  resend(room: string): void {
    if (!this.#timers.has(room)) this.#flush(room);
  }

  /** Somebody else has read the room through seq. */
  setReader(room: string, user: string, seq: number): void {
    const users = this.#others.get(room) ?? new Map<string, number>();
    this.#others.set(room, users);
    if ((users.get(user) ?? 0) >= seq) return;
    users.delete(user); // so that it goes to the end
    users.set(user, seq);
    if (users.size > remembered) users.delete(users.keys().next().value!);
    this.emit('change', room);
  }

  /** The user is not in the room any more. */
  forget(room: string): void {
    clearTimeout(this.#timers.get(room));
    this.#timers.delete(room);
    this.#others.delete(room);
    this.#told.delete(room);
    this.#certain.delete(room);
    if (this.#mine.delete(room)) this.#save();
  }

  /** Sends the positions that are still unsent, and nothing after that. */
  close(): void {
    for (const [room, t] of this.#timers) {
      clearTimeout(t);
      this.#flush(room);
    }
    this.#timers.clear();
  }

  #raise(room: string, seq: number): boolean {
    const before = this.#mine.get(room);
    if (before !== undefined && before >= seq) return false;
    this.#set(room, seq);
    return true;
  }
  #set(room: string, seq: number): void {
    this.#mine.set(room, seq);
    this.#save();
    this.emit('change', room);
  }

  #save(): void {
    this.#store.save(Object.fromEntries(this.#mine));
  }

  #flush(room: string): void {
    const seq = this.#mine.get(room) ?? 0;
    if (seq <= (this.#told.get(room) ?? 0)) return;
    if (this.#tell(room, seq)) this.#told.set(room, seq);
  }
}
