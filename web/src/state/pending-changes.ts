import { ConnectionLost, persistentList, nameKey, type Client, type PersistentList, type Message, type Name } from '../client/index.ts';

/** A change of a message that the server was not told yet. */
export interface PendingChange {
  readonly room: string;
  readonly message: Name;
  /** When the user made it, UTC ms. */
  readonly ts: number;
  /** The text that the message is given; absent: it is a reaction. */
  readonly text?: string;
  /** The reaction that the user puts or takes back. */
  readonly emoji?: string;
  readonly on?: boolean;
}

/** The most that waits; of more, those that came first are lost. */
const most = 200;

type Used = Pick<Client, 'me' | 'rooms' | 'state' | 'on' | 'emit' | 'edit' | 'react'>;

/**
 * Edits and reactions. Without a connection they are seen at once, wait here, outlast the page as
 * unsent messages do, and are told in their order when the room is live again.
 */
export class PendingChanges {
  readonly #client: Used;
  readonly #store: PersistentList<PendingChange>;
  readonly #refused: (err: unknown, change: PendingChange) => void;
  readonly #off: (() => void)[];
  readonly #busy = new Set<string>();
  #list: readonly PendingChange[];

  /** `refused` is told of what the server does not take when it comes to be told. */
  constructor(client: Used, key: string, refused: (err: unknown, change: PendingChange) => void, store: PersistentList<PendingChange> = persistentList(key, isPendingChange)) {
    this.#client = client;
    this.#refused = refused;
    this.#store = store;
    this.#list = store.load().slice(-most);
    store.adopt((left) => this.#adopt(left));
    this.#off = [client.on('room', (room) => void this.#flush(room))];
  }

  close(): void {
    for (const off of this.#off) off();
    this.#store.close();
  }

  get waiting(): boolean {
    return this.#list.length > 0;
  }

  /** What waits outlasts the page. */
  get persistent(): boolean {
    return this.#store.persistent;
  }

  /** Gives a message another text. Rejects if the server refuses that now. */
  edit(room: string, message: Name, text: string): Promise<void> {
    return this.#add({ room, message: { id: message.id, user: message.user }, ts: Date.now(), text });
  }

  /** Puts a reaction, or takes it back. Rejects if the server refuses that now. */
  react(room: string, message: Name, emoji: string, on: boolean): Promise<void> {
    return this.#add({ room, message: { id: message.id, user: message.user }, ts: Date.now(), emoji, on });
  }

  /** Messages of a room as they are with what waits: the same list if nothing does. */
  applyTo(room: string, messages: readonly Message[]): readonly Message[] {
    const mine = this.#list.filter((a) => a.room === room);
    if (!mine.length) return messages;
    return messages.map((m) => mine.filter((a) => same(a.message, m)).reduce((now, a) => changed(now, a, this.#client.me.id), m));
  }

  /** Forgets what waits. */
  clear(): void {
    this.#set([]);
    this.#store.clear();
  }

  /** Takes over what a tab has left that is gone. What was done later here stays as it is. */
  #adopt(left: readonly PendingChange[]): void {
    const replaced = (a: PendingChange) => this.#list.some((b) => a.room === b.room && same(a.message, b.message) && a.emoji === b.emoji);
    this.#set([...left.filter((a) => !replaced(a)), ...this.#list].toSorted((a, b) => a.ts - b.ts).slice(-most));
    for (const room of new Set(left.map((a) => a.room))) this.#client.emit('room', room);
  }

  async #add(change: PendingChange): Promise<void> {
    const live = this.#client.state.kind === 'online' && this.#client.rooms.get(change.room)?.live === true;
    // What waits is told first: the later edit has to be the one that stays.
    if (live && !this.#list.some((a) => a.room === change.room)) {
      try {
        return await this.#tell(change);
      } catch (err) {
        if (!(err instanceof ConnectionLost)) throw err;
      }
    }
    const others = this.#list.filter((a) => !(a.room === change.room && same(a.message, change.message) && a.emoji === change.emoji));
    this.#set([...others, change].slice(-most));
    this.#client.emit('room', change.room);
  }

  #tell(a: PendingChange): Promise<void> {
    return a.emoji === undefined ? this.#client.edit(a.room, a.message.id, a.text ?? '') : this.#client.react(a.room, a.message, a.emoji, a.on === true);
  }

  /** Tells what waits for a room, once that is live. */
  async #flush(room: string): Promise<void> {
    const live = () => this.#client.state.kind === 'online' && this.#client.rooms.get(room)?.live === true;
    if (this.#busy.has(room) || !live()) return;
    this.#busy.add(room);
    try {
      for (let change; (change = this.#list.find((a) => a.room === room)) && live(); ) {
        const now = change;
        try {
          // The line may have broken after the server was told.
          if (!this.#done(now)) await this.#tell(now);
        } catch (err) {
          if (err instanceof ConnectionLost) return;
          this.#refused(err, now);
        }
        this.#set(this.#list.filter((a) => a !== now));
        this.#client.emit('room', room);
      }
    } finally {
      this.#busy.delete(room);
    }
  }

  /** The message is already as it is to be. */
  #done(a: PendingChange): boolean {
    const m = this.#client.rooms.get(a.room)?.log.messages.find((m) => same(a.message, m));
    if (!m) return false;
    if (a.emoji === undefined) return m.text === a.text;
    return (m.reactions[a.emoji]?.includes(this.#client.me.id) ?? false) === a.on;
  }

  #set(list: readonly PendingChange[]): void {
    this.#list = list;
    this.#store.save(list);
  }
}

const same = (a: Name, b: Name) => nameKey(a) === nameKey(b);

function changed(m: Message, a: PendingChange, me: string): Message {
  if (a.emoji === undefined) return m.deleted ? m : { ...m, text: a.text ?? m.text, unsent: true };
  const { [a.emoji]: users = [], ...others } = m.reactions;
  const next = a.on ? [...users.filter((u) => u !== me), me] : users.filter((u) => u !== me);
  return { ...m, reactions: next.length ? { ...m.reactions, [a.emoji]: next } : others };
}

/** Whether something is a change as it is kept. */
export function isPendingChange(v: unknown): v is PendingChange {
  const a = v as Partial<PendingChange> | null;
  return typeof a?.room === 'string' && typeof a.message?.id === 'string' && typeof a.message.user === 'string' && typeof a.ts === 'number'
    && (a.emoji === undefined ? typeof a.text === 'string' : typeof a.emoji === 'string' && typeof a.on === 'boolean');
}
