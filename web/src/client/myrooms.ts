import type { RoomInfo, Start, StartLists } from './api.ts';
import type { Directory } from './directory.ts';
import type { Environment } from './environment.ts';
import { hasCode } from './errors.ts';
import type { Inbox, InboxRoom } from './inbox.ts';
import type { Reads } from './reads.ts';
import type { Room } from './room.ts';
import { sleep } from './sleep.ts';

interface Options {
  readonly directory: Directory;
  readonly reads: Reads;
  readonly inbox: Inbox;
  /** Asks what is new; undefined: the server does not say it. */
  readonly news: () => Promise<readonly InboxRoom[] | undefined>;
  readonly environment: Environment;
  readonly make: (info: RoomInfo) => Room;
  /**
   * The server sent what to show at the start, on this connection; undefined: it has to be asked
   * for.
   */
  readonly started: (lists: StartLists | undefined) => void;
  /** Rooms came, went or were renamed. */
  readonly changed: () => void;
  /** Rooms have to be synced, as long as `current` returns true. */
  readonly sync: (current: () => boolean) => void;
  /** The only rooms that are followed; default: all that the user is in. */
  readonly only?: ReadonlySet<string>;
  /** The user is not in the room any more. */
  readonly gone: (id: string) => void;
}

/**
 * The waits before a room that was just opened to the user is asked for again, ms: permissions take
 * up to 1 s to travel.
 */
const admission = [200, 500, 1_000, 2_000];
/** The wait before the directory is asked again, ms; as much again is added at random. */
const askAgain = 2_000;

/**
 * The rooms that the user is in, as the directory lists them. They are listed after each welcome,
 * and when one was added or removed.
 */
export class MyRooms {
  readonly all = new Map<string, Room>();
  /** The rooms are known; before that there may be more than none. */
  listed = false;
  /** They come from the offline store: the server was not asked yet. */
  #offline = false;
  /** All of the user's read positions that the server has are known. */
  positioned = false;
  readonly #invited = new Set<string>();
  /** Goes up with each connection, and with its end. */
  #epoch = 0;
  /** The epoch for which the rooms are being fetched. */
  #listing: number | undefined;
  /** The epoch in which what is shown at the start was told. */
  #started: number | undefined;
  /** The rooms may be others than those that were fetched. */
  #stale = false;
  readonly #o: Options;

  constructor(options: Options) {
    this.#o = options;
  }

  /** Shows rooms as they were when the page was last here, until the server says which there are. */
  showOffline(rooms: readonly RoomInfo[]): void {
    if (this.listed || !rooms.length) return;
    for (const info of rooms) this.#put(info);
    this.listed = this.#offline = true;
    this.#o.changed();
  }

  /** The connection is lost: no room is live. */
  connectionLost(): void {
    this.#epoch++;
    for (const room of this.all.values()) room.connectionLost();
  }

  /** A new connection was welcomed: syncs the known rooms, and lists all anew. */
  welcomed(): void {
    this.connectionLost();
    if (this.listed && !this.#offline) this.#sync();
    void this.relist();
  }

  /** Somebody opened the room to the user just now. */
  wasOpened(id: string): boolean {
    return this.#invited.has(id);
  }

  invited(id: string): void {
    if (!this.all.has(id)) this.#invited.add(id);
    void this.relist();
  }

  removed(id: string): void {
    this.forget(id);
    if (this.#listing === this.#epoch) void this.relist(); // the answer may still contain it
  }

  /**
   * Fetches the rooms, with as many tries as it takes; once more, if that is asked for meanwhile.
   */
  async relist(): Promise<void> {
    const epoch = this.#epoch;
    this.#stale = true;
    if (this.#listing === epoch) return;
    this.#listing = epoch;
    while (this.#stale && epoch === this.#epoch) {
      this.#stale = false;
      if (await this.#list(epoch)) continue;
      this.#stale = true;
      await sleep(askAgain + askAgain * this.#o.environment.random());
    }
    if (this.#listing === epoch) this.#listing = undefined;
  }

  /**
   * Adds a room that the user has just become a member of, and waits until it is live or stays
   * closed.
   */
  async admit(info: RoomInfo): Promise<Room> {
    const room = this.#put({ since: this.#o.environment.now(), ...info, member: true, role: info.role || 'member' });
    this.#o.changed();
    const epoch = this.#epoch;
    await room.sync();
    for (const wait of admission) {
      if (!room.refused || epoch !== this.#epoch) break;
      await sleep(wait);
      await room.sync();
    }
    return room;
  }

  /** Asks again what is new, since positions were changed on another device, or marked here. */
  async renew(): Promise<void> {
    const epoch = this.#epoch;
    const news = await this.#o.news().catch(() => undefined); // otherwise the next welcome asks
    if (epoch !== this.#epoch) return;
    const ours = (news ?? []).filter((r) => this.all.has(r.room));
    this.#o.reads.replaceFromServer(ours);
    this.#o.inbox.take(ours);
  }

  forget(id: string): void {
    this.#invited.delete(id);
    this.#o.inbox.forget(id);
    this.#o.gone(id);
    this.all.get(id)?.connectionLost();
    this.all.get(id)?.close();
    if (this.all.delete(id)) this.#o.changed();
  }

  /** Fetches the rooms and syncs the new ones. Returns whether that is done. */
  async #list(epoch: number): Promise<boolean> {
    // The answer may lack a room that is created or joined meanwhile.
    const before = [...this.all.keys()];
    const { directory, reads: positions } = this.#o;
    try {
      // Rooms come before positions: without rooms nothing can be new.
      const first = this.#started !== epoch;
      const asked: Promise<Start> = first ? directory.start() : directory.rooms().then((rooms) => ({ rooms }));
      const [start, news] = await Promise.all([asked, this.#o.news().catch(() => null)]);
      // A server of an earlier release sends only how far the user has read.
      const reads = news === undefined ? await directory.reads().catch(() => undefined) : (news ?? undefined) && {};
      if (epoch !== this.#epoch) return true;
      this.#started = epoch;
      if (first) this.#o.started(start.lists);
      const mine = new Map(start.rooms.filter((r) => r.member && (this.#o.only?.has(r.id) ?? true)).map((r) => [r.id, r]));
      for (const [room, seq] of Object.entries(reads ?? {})) if (mine.has(room)) positions.advanceFromServer(room, seq);
      const ours = (news ?? []).filter((r) => mine.has(r.room));
      positions.replaceFromServer(ours);
      this.#o.inbox.take(ours);
      for (const id of before) if (!mine.has(id)) this.forget(id);
      const wasOffline = this.#offline;
      const fresh = [...mine.values()].filter((info) => wasOffline || !this.all.has(info.id));
      for (const info of mine.values()) this.#put(info);
      for (const r of news ?? []) {
        // Of a room whose last message is known, or that has none, it is known where its log goes
        // on.
        if (r.last ? r.last.id : r.through === 0) this.all.get(r.room)?.joinAfter(r.last ? { seq: r.last.seq, id: r.last.id } : { seq: 0 });
      }
      // It was opened to the user while there was no connection to tell.
      if (this.listed && !wasOffline) for (const info of fresh) this.#invited.add(info.id);
      const admitted = !this.listed && before.length > 0; // before there was a connection
      this.listed = true;
      this.#offline = false;
      this.positioned ||= reads !== undefined;
      this.#o.changed();
      if (fresh.length || admitted) this.#sync();
      return reads !== undefined;
    } catch (err) {
      return hasCode(err, 'unauthorized'); // logged out: nothing left to do
    }
  }

  #sync(): void {
    const epoch = this.#epoch;
    this.#o.sync(() => epoch === this.#epoch);
  }

  #put(info: RoomInfo): Room {
    let room = this.all.get(info.id);
    if (room) room.info = info;
    else this.all.set(info.id, (room = this.#o.make(info)));
    return room;
  }
}
