import { Emitter } from './emitter.ts';
import { fromStart, type Person, type PresenceEvent, type Status, type WhoEvent } from './protocol.ts';

/** Who is online in a room, as far as the server lists them. */
export interface Online {
  /** The server has answered: before that, nobody's status is known. */
  readonly known: boolean;
  /** How many are online, which may be more than are listed. */
  readonly count: number;
  /** By name. Where very many are online the list is empty until somebody asks for it. */
  readonly people: readonly Person[];
  /** There are more to list: the place to go on from. */
  readonly next: string | undefined;
}

interface Events {
  /** Who is online in a room changed. */
  online: string;
  /** Who is typing in a room changed. */
  typing: string;
}

/** How long one `typing` counts, ms: senders repeat it every 3 s. */
const typingFor = 5_000;

/** How many users' names are remembered; the ones not seen for longest are evicted first. */
const remembered = 5_000;

/** How long a presence event may be in flight, ms. */
const late = 2_000;

/** For this long, a list that differs from the count may just be ahead of it, ms. */
const settled = 10_000;

/** In a room with very many, a list is fetched again when it is older than this, ms. */
const listedFor = 30_000;

export const nobody: Online = { known: false, count: 0, people: [], next: undefined };

/** What matters only now: who is online in the watched rooms, and who is typing. */
export class People extends Emitter<Events> {
  readonly #online = new Map<string, Online>();
  /**
   * Rooms whose events do not add up to a list, since they only have a count; each with the time
   * since when it has a list.
   */
  readonly #counted = new Map<string, number | undefined>();
  /**
   * People who had just left a room when `who` was asked: if no event names them, they are back.
   */
  readonly #going = new Map<string, { people: Map<string, Person>; timer: ReturnType<typeof setTimeout> }>();
  /** The events of a room since `who` was asked: its answer may be older. */
  readonly #heard = new Map<string, Map<string, Person>>();
  /** When the room's list was fetched. */
  readonly #taken = new Map<string, number>();
  readonly #typing = new Map<string, Map<string, { name: string; timer: ReturnType<typeof setTimeout> }>>();
  readonly #names = new Map<string, string>();

  /** Who is online in a room; without a connection, the last known state. */
  online(room: string): Online {
    return this.#online.get(room) ?? nobody;
  }

  /**
   * The status of a user in a watched room; offline if the list lacks them, undefined while there
   * is no list.
   */
  status(room: string, user: string): Status | undefined {
    const { known, people } = this.online(room);
    return known ? (people.find((p) => p.user === user)?.status ?? 'offline') : undefined;
  }

  /**
   * The names of the people who are typing in the room, longest first, without those whom the user
   * ignores.
   */
  typing(room: string, ignored?: ReadonlySet<string>): readonly string[] {
    return [...(this.#typing.get(room) ?? [])].filter(([user]) => !ignored?.has(user)).map(([, t]) => t.name);
  }

  /** The last known name of a user, for events that only have an id. */
  name(user: string): string | undefined {
    return this.#names.get(user);
  }

  setName(user: string, name: string): void {
    if (!user || !name) return;
    this.#names.delete(user); // so that it goes to the end
    this.#names.set(user, name);
    if (this.#names.size > remembered) this.#names.delete(this.#names.keys().next().value!);
  }

  /** `who` is being asked about a room. */
  asked(room: string): void {
    this.#heard.set(room, new Map());
  }

  /** The list of the room is complete, and follows the events. */
  complete(room: string): boolean {
    const { known, next } = this.online(room);
    return known && next === undefined && !this.#counted.has(room);
  }

  /** Applies an answer about a room; `from` is the place that it was asked from. */
  applyList(who: WhoEvent, from: string | undefined, now: number): void {
    const more = from !== undefined && from !== fromStart;
    if (from === fromStart) this.#counted.set(who.room, now);
    else if (from === undefined && who.users.length === 0 && who.count > 0) this.#counted.set(who.room, undefined);
    else if (from === undefined) this.#counted.delete(who.room);
    const people = new Map((more ? this.online(who.room).people : []).map((p) => [p.user, p]));
    for (const p of who.users) this.setName(p.user, p.name);
    for (const p of [...who.users, ...(this.#heard.get(who.room)?.values() ?? [])]) put(people, p);
    if (from === undefined) this.#follow(who);
    for (const user of this.#heard.get(who.room)?.keys() ?? []) this.#going.get(who.room)?.people.delete(user);
    this.#heard.delete(who.room);
    this.#taken.set(who.room, now);
    this.#set(who.room, who.count, [...people.values()], who.next);
  }

  #follow({ room, going, going_ms: wait }: WhoEvent): void {
    this.#unfollow(room);
    if (!going?.length) return;
    const people = new Map(going.map((p) => [p.user, p]));
    const timer = setTimeout(() => {
      this.#going.delete(room);
      const { count, people: here, next } = this.online(room);
      this.#set(room, count, [...new Map([...people.values(), ...here].map((p) => [p.user, p])).values()], next);
    }, (wait ?? 0) + late);
    this.#going.set(room, { people, timer });
  }

  #unfollow(room: string): void {
    clearTimeout(this.#going.get(room)?.timer);
    this.#going.delete(room);
  }

  /**
   * Applies a presence event. Returns the `from` to ask about the room anew with, if the list is
   * wrong now.
   */
  applyPresence(e: PresenceEvent, now: number): { readonly from: string | undefined } | undefined {
    const before = this.online(e.room);
    if (e.users.length === 0 && e.count > 0) {
      const since = this.#counted.get(e.room);
      if (since === undefined) {
        this.#counted.set(e.room, undefined);
        this.#set(e.room, e.count, [], fromStart);
        return undefined;
      }
      this.#set(e.room, e.count, before.people, before.next);
      return now - since > listedFor ? { from: fromStart } : undefined;
    }
    const people = new Map(before.people.map((p) => [p.user, p]));
    for (const told of e.users) {
      this.setName(told.user, told.name);
      const p = told.name ? told : { ...told, name: this.name(told.user) ?? told.user };
      this.#going.get(e.room)?.people.delete(p.user);
      this.#heard.get(e.room)?.set(p.user, p);
      put(people, p);
    }
    this.#set(e.room, e.count, [...people.values()], before.next);
    if (this.#counted.has(e.room)) return { from: undefined };
    // Events may be lost. The count then differs, apart from the people who have just left.
    const differs = people.size + (this.#going.get(e.room)?.people.size ?? 0) !== e.count;
    return differs && this.complete(e.room) && now - (this.#taken.get(e.room) ?? now) > settled ? { from: undefined } : undefined;
  }

  startTyping(room: string, user: string, name: string): void {
    this.setName(user, name);
    const typing = this.#typing.get(room) ?? new Map<string, { name: string; timer: ReturnType<typeof setTimeout> }>();
    this.#typing.set(room, typing);
    clearTimeout(typing.get(user)?.timer);
    typing.set(user, { name: name || this.name(user) || 'Somebody', timer: setTimeout(() => this.stopTyping(room, user), typingFor) });
    this.emit('typing', room);
  }

  /** The user sent a message, or has not typed for a while. */
  stopTyping(room: string, user: string): void {
    const typing = this.#typing.get(room);
    clearTimeout(typing?.get(user)?.timer);
    if (typing?.delete(user)) this.emit('typing', room);
  }

  /** The connection is lost: nobody types. Who is online stays as last known. */
  connectionLost(): void {
    for (const room of this.#going.keys()) this.#unfollow(room);
    for (const [room, typing] of this.#typing) for (const user of typing.keys()) this.stopTyping(room, user);
  }

  /** Forgets who is online in a room that is no longer watched. */
  unwatched(room: string): void {
    this.#counted.delete(room);
    this.#taken.delete(room);
    this.#unfollow(room);
    if (this.#online.delete(room)) this.emit('online', room);
  }

  #set(room: string, count: number, people: readonly Person[], next: string | undefined): void {
    const sorted = [...people].sort((a, b) => a.name.localeCompare(b.name));
    // The count includes people who have just left. A complete list knows better.
    const all = next === undefined && !this.#counted.has(room);
    this.#online.set(room, { known: true, count: all ? sorted.length : Math.max(count, 0), people: sorted, next });
    this.emit('online', room);
  }
}

function put(people: Map<string, Person>, p: Person): void {
  if (p.status === 'offline') people.delete(p.user);
  else people.set(p.user, p);
}
