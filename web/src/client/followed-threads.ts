import type { Directory } from './directory.ts';
import { Emitter } from './emitter.ts';
import type { Environment } from './environment.ts';
import { hasCode } from './errors.ts';
import { objects, number, text } from './json.ts';
import type { LogEvent, MsgEvent, Name, UnknownLogEvent } from './protocol.ts';

/** A thread that the user follows and that has something new. */
export interface UnreadThread {
  readonly room: string;
  readonly root: Name;
  /** How far the user has read it. */
  readonly read: number;
  /** Seq and time of the last answer, UTC ms. */
  readonly last: number;
  readonly ts: number;
  /** Answers of others after `read`, exact up to 99; `more`: there are more. */
  readonly unread: number;
  readonly more: boolean;
}

interface Options {
  readonly me: string;
  readonly environment: Environment;
  /** Ids of those whose messages are no news to the user. */
  readonly ignored: () => ReadonlySet<string>;
  /** What is counted of a room: what came up to there says nothing new. */
  readonly through: (room: string) => number;
}

/** The wait before the server is asked, ms, so that many reasons for it are one; as much is added at random. */
const soon = 700;
const mostUnread = 99;
/** How many answers are kept while it is not known whether their threads are followed. */
const mostHeld = 200;

/** Reads the threads of an inbox, or of a list; what is none is left out. */
export function readUnreadThreads(threads: unknown): UnreadThread[] {
  return objects(threads).filter((t) => text(t['room']) && text(t['author']) && text(t['id'])).map((t) => ({
    room: text(t['room']), root: { user: text(t['author']), id: text(t['id']) },
    read: number(t['read']), last: number(t['last']), ts: number(t['last_ts']), unread: number(t['unread']), more: t['more'] === true,
  }));
}

const keyOf = (room: string, root: Name): string => `${room}/${root.user}/${root.id}`;

/** The path of a thread over HTTP. */
const pathOf = (room: string, root: Name, what: string): string =>
  `/v1/rooms/${encodeURIComponent(room)}/threads/${encodeURIComponent(root.user)}/${encodeURIComponent(root.id)}/${what}`;

/**
 * The threads that the user follows, as far as something is new in them: as an inbox says it, and
 * with what comes live. Which threads are followed is asked for when the first answer comes that
 * may be news.
 */
export class FollowedThreads extends Emitter<{ change: undefined }> {
  /** The one with the last answer first. The array is replaced, not changed. */
  list: readonly UnreadThread[] = [];
  /** There are more than are listed. */
  more = false;
  readonly #directory: Directory;
  readonly #o: Options;
  /** Whether a thread is followed, by its key; undefined: that was not asked for. */
  #known: Map<string, boolean> | undefined;
  /** A server of an earlier release knows no followed threads. */
  #none = false;
  #held: { readonly room: string; readonly e: MsgEvent }[] = [];
  #asking: ReturnType<typeof setTimeout> | undefined;
  #renewing: ReturnType<typeof setTimeout> | undefined;

  constructor(directory: Directory, options: Options) {
    super();
    this.#directory = directory;
    this.#o = options;
  }

  /** Takes the threads of an inbox. */
  take(threads: unknown, more: unknown): void {
    this.list = readUnreadThreads(threads);
    this.more = more === true;
    this.emit('change', undefined);
  }

  /** Takes an entry of a room's log that was applied. */
  heard(room: string, e: LogEvent | UnknownLogEvent): void {
    if (e.type === 'deleted' && this.list.some((t) => t.room === room)) this.renewSoon(); // it may have been counted
    if (e.type !== 'msg' || !e.thread || (e.thread.author === e.user && e.thread.id === e.id)) return;
    if (e.user === this.#o.me) return this.#answered(room, e);
    if (this.#none || this.#o.ignored().has(e.user) || e.seq <= this.#o.through(room)) return;
    if (this.#known) this.#count(room, e, this.#known);
    else {
      this.#held.push({ room, e });
      if (this.#held.length > mostHeld) this.#held.shift();
      this.#asking ??= setTimeout(() => void this.#ask(), this.#wait());
    }
  }

  /** Another device, or this one, has changed what is followed or read. */
  changed(): void {
    this.#known = undefined;
    this.renewSoon();
  }

  /** Asks again what is new. */
  renewSoon(): void {
    this.#renewing ??= setTimeout(() => void this.#renew(), this.#wait());
  }

  /** Returns whether the user follows a thread, and how far it is read. */
  async state(room: string, root: Name): Promise<{ readonly following: boolean; readonly read: number }> {
    const body = await this.#directory.request('GET', pathOf(room, root, 'follow'));
    const following = body['following'] === true;
    this.#known?.set(keyOf(room, root), following);
    return { following, read: number(body['read']) };
  }

  /** The user follows a thread from now on, or does not any more. */
  async follow(room: string, root: Name, on: boolean): Promise<void> {
    await this.#directory.request(on ? 'PUT' : 'DELETE', pathOf(room, root, 'follow'));
    this.#known?.set(keyOf(room, root), on);
    if (!on) this.#drop(room, root, Infinity);
  }

  /** The user has read a thread that they follow through a seq. */
  async read(room: string, root: Name, seq: number): Promise<void> {
    this.#drop(room, root, seq);
    await this.#directory.request('POST', pathOf(room, root, 'read'), { seq });
  }

  close(): void {
    clearTimeout(this.#asking);
    clearTimeout(this.#renewing);
    this.#asking = this.#renewing = undefined;
  }

  #wait(): number {
    return soon * (1 + this.#o.environment.random());
  }

  /** Who answers follows the thread, unless they have chosen not to, and has read what was before. */
  #answered(room: string, e: MsgEvent): void {
    const root = { user: e.thread!.author, id: e.thread!.id };
    const key = keyOf(room, root);
    if (this.#known && !this.#known.has(key)) this.#known.set(key, true);
    this.#drop(room, root, e.seq);
  }

  #count(room: string, e: MsgEvent, known: ReadonlyMap<string, boolean>): void {
    const root = { user: e.thread!.author, id: e.thread!.id };
    if (!(known.get(keyOf(room, root)) ?? root.user === this.#o.me)) return;
    const old = this.list.find((t) => same(t, room, root));
    if (old && e.seq <= old.last) return;
    const unread = (old?.unread ?? 0) + 1;
    const now = {
      room, root, read: old?.read ?? e.seq - 1, last: e.seq, ts: e.ts,
      unread: Math.min(unread, mostUnread), more: old?.more === true || unread > mostUnread,
    };
    this.list = [now, ...this.list.filter((t) => t !== old)];
    this.emit('change', undefined);
  }

  #drop(room: string, root: Name, seq: number): void {
    const next = this.list.filter((t) => !same(t, room, root) || t.last > seq);
    if (next.length === this.list.length) return;
    this.list = next;
    this.emit('change', undefined);
  }

  async #ask(): Promise<void> {
    try {
      const body = await this.#directory.request('GET', '/v1/follows');
      this.#known = new Map(objects(body['threads']).map((t) => [keyOf(text(t['room']), { user: text(t['author']), id: text(t['id']) }), t['following'] === true]));
    } catch (err) {
      this.#none = hasCode(err, 'not_found');
      if (this.#none) this.#held = [];
      this.#asking = this.#none ? undefined : setTimeout(() => void this.#ask(), 10 * this.#wait());
      return;
    }
    this.#asking = undefined;
    for (const { room, e } of this.#held.splice(0)) this.#count(room, e, this.#known);
  }

  async #renew(): Promise<void> {
    try {
      const body = await this.#directory.request('GET', '/v1/threads?unread=true&limit=50');
      this.take(body['threads'], text(body['next']) !== '');
    } catch {
      // The next inbox says it.
    }
    this.#renewing = undefined;
  }
}

const same = (t: UnreadThread, room: string, root: Name): boolean => t.room === room && t.root.user === root.user && t.root.id === root.id;
