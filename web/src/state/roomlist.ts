import type { Client } from '../client/index.ts';
import { ListOrder } from './listorder.ts';
import { type RoomItem, sameItem } from './roomitem.ts';

/** Sorts names: made once, which is most of its cost. */
const byName = new Intl.Collator();

/** The list keeps the order it had for no longer than this while rooms arrive, ms. */
const longestWait = 10_000;

/** The user's rooms, in the order of the list. */
export class RoomList {
  readonly #client: Client;
  readonly #item: (id: string) => RoomItem;
  readonly #order: ListOrder;
  /** The rooms as they were when they were last looked at. */
  readonly #items = new Map<string, RoomItem>();
  readonly #dirty = new Set<string>();
  #allDirty = false;
  #settled = false;
  #settleBy: number | undefined;

  /** `key`: under which the order outlasts the page; `item` returns what the list shows of a room. */
  constructor(client: Client, key: string, item: (id: string) => RoomItem) {
    this.#client = client;
    this.#item = item;
    this.#order = new ListOrder(key);
  }

  close(): void {
    this.#order.close();
  }

  /** A room has changed, or with no name everything. */
  touch(room?: string): void {
    if (room === undefined) this.#allDirty = true;
    else this.#dirty.add(room);
  }

  /**
   * Returns the rooms as they are now. Nothing is new of what is as it was: a room, or the list
   * from before.
   */
  refresh(before: readonly RoomItem[]): readonly RoomItem[] {
    const { rooms, listed } = this.#client;
    for (const id of this.#items.keys()) if (!rooms.has(id)) this.#items.delete(id);
    for (const id of rooms.keys()) {
      const old = this.#items.get(id);
      if (old && !this.#allDirty && !this.#dirty.has(id)) continue;
      const now = this.#item(id);
      if (!old || !sameItem(old, now)) this.#items.set(id, now);
    }
    this.#dirty.clear();
    this.#allDirty = false;
    const settled = this.#isSettled();
    const place = (r: RoomItem) => (settled ? -r.moved : this.#order.place(r.id));
    // Most are in order already, which makes sorting cheap.
    const ids = new Set([...before.map((r) => r.id), ...this.#items.keys()]);
    const all = [...ids].flatMap((id) => this.#items.get(id) ?? []).sort((a, b) => place(a) - place(b) || byName.compare(a.name, b.name));
    const now = all.length === before.length && all.every((r, i) => r === before[i]) ? before : all;
    if (settled && listed) this.#order.note(now.map((r) => r.id));
    return now;
  }

  /** The newest message of each room is known, or has been waited for long enough. */
  #isSettled(): boolean {
    const { rooms, listed, inbox } = this.#client;
    if (this.#settled || !listed) return this.#settled;
    this.#settleBy ??= Date.now() + longestWait;
    const open = [...rooms.values()].some((r) => !r.live && !inbox.get(r.id) && r.refused === undefined && (r.history === 'none' || r.history === 'loading'));
    this.#settled = !open || Date.now() > this.#settleBy;
    return this.#settled;
  }
}
