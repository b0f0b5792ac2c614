import type { Client, Message, RoomInfo } from '../client/index.ts';

/** What is kept of a user's chat for when there is no network. */
export interface OfflineChat {
  readonly user: string;
  /** When it was kept, UTC ms. */
  readonly at: number;
  readonly rooms: readonly RoomInfo[];
  /** The last messages of rooms, by room. */
  readonly messages: Readonly<Record<string, readonly Message[]>>;
}

/** The most that is kept: rooms with messages, messages of each, and characters of all texts. */
export const most = { rooms: 40, messages: 50, text: 500_000 } as const;
/** The wait before changes are kept, so that many of them are one, ms. */
const pause = 5_000;
const name = 'hubbub-offline';
const table = 'chats';

function open(base: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(`${name}${base}`, 1);
    asked.addEventListener('upgradeneeded', () => asked.result.createObjectStore(table, { keyPath: 'user' }));
    asked.addEventListener('success', () => resolve(asked.result));
    asked.addEventListener('error', () => reject(asked.error ?? new Error('there is no storage')));
    asked.addEventListener('blocked', () => reject(new Error('another tab holds the storage')));
  });
}

async function within<T>(base: string, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await open(base);
  try {
    return await new Promise<T>((resolve, reject) => {
      const all = db.transaction(table, mode);
      const asked = work(all.objectStore(table));
      all.addEventListener('complete', () => resolve(asked.result));
      for (const failed of ['error', 'abort']) all.addEventListener(failed, () => reject(all.error ?? new Error('the storage failed')));
    });
  } finally {
    db.close();
  }
}

/** What is kept of a user; undefined: nothing. Nothing of anybody else is read, and theirs goes. */
export async function loadOfflineChat(base: string, user: string): Promise<OfflineChat | undefined> {
  const users = await within(base, 'readonly', (store) => store.getAllKeys());
  for (const other of users) if (other !== user) await within(base, 'readwrite', (store) => store.delete(other));
  return (await within(base, 'readonly', (store) => store.get(user))) as OfflineChat | undefined;
}

/** Forgets everything, of everybody. */
export async function clearOfflineChats(base: string): Promise<void> {
  await within(base, 'readwrite', (store) => store.clear());
}

/** What is to be kept of a client's chat. Rooms in which something was said last come first. */
export function toOfflineChat(client: Pick<Client, 'rooms' | 'me'>, before: OfflineChat | undefined, now: number): OfflineChat {
  const rooms = [...client.rooms.values()];
  const messages: Record<string, readonly Message[]> = {};
  const latest = rooms.map((room) => ({ id: room.id, list: room.log.messages.length ? room.log.messages.slice(-most.messages) : (before?.messages[room.id] ?? []) }))
    .filter((r) => r.list.length > 0).toSorted((a, b) => b.list.at(-1)!.ts - a.list.at(-1)!.ts).slice(0, most.rooms);
  let left: number = most.text;
  for (const { id, list } of latest) {
    let from = list.length;
    while (from > 0 && left >= list[from - 1]!.text.length) left -= list[--from]!.text.length;
    if (from < list.length) messages[id] = list.slice(from);
  }
  return { user: client.me.id, at: now, rooms: rooms.map((r) => r.info), messages };
}

/** Keeps a user's chat for when there is no network, as it goes on. */
export class OfflineSaver {
  readonly #client: Client;
  readonly #base: string;
  readonly #off: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: OfflineChat | undefined;
  #closed = false;

  constructor(client: Client, base: string, last?: OfflineChat) {
    this.#client = client;
    this.#base = base;
    this.#last = last;
    const soon = () => (this.#timer ??= setTimeout(() => void this.#save(), pause));
    this.#off.push(client.on('room', soon), client.on('rooms', soon));
    const leave = () => document.visibilityState === 'hidden' && this.#timer !== undefined && void this.#save();
    document.addEventListener('visibilitychange', leave);
    this.#off.push(() => document.removeEventListener('visibilitychange', leave));
    soon();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const off of this.#off) off();
  }

  async #save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // Before the rooms are known there is nothing better than what is kept.
    if (this.#closed || this.#client.state.kind !== 'online' || !this.#client.listed) return;
    const kept = toOfflineChat(this.#client, this.#last, Date.now());
    this.#last = kept;
    await within(this.#base, 'readwrite', (store) => store.put(structuredClone(kept))).catch(() => undefined); // storage is off or full
  }
}
