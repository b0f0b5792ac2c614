import { Emitter } from './emitter.ts';
import type { Person, PresenceEvent, Status, WhoEvent } from './protocol.ts';

/** Who is in a room now, as far as the server lists them. */
export interface Online {
  /** How many are online, which may be more than are listed. */
  readonly count: number;
  /** By name. */
  readonly people: readonly Person[];
}

interface Events {
  /** Who is online in a room changed. */
  online: string;
  /** Who is typing in a room changed. */
  typing: string;
}

/** How long one `typing` counts, ms: senders repeat it every 3 s. */
const typingFor = 5_000;

/** Names of users that are remembered; those not heard for longest go first. */
const remembered = 5_000;

const nobody: Online = { count: 0, people: [] };

/** What is worth something only now: who is online in the rooms that are watched, and who is typing. */
export class People extends Emitter<Events> {
  readonly #online = new Map<string, Online>();
  readonly #typing = new Map<string, Map<string, { name: string; timer: ReturnType<typeof setTimeout> }>>();
  readonly #names = new Map<string, string>();

  /** Who is online in a room; without a connection, as it was last heard. */
  online(room: string): Online {
    return this.#online.get(room) ?? nobody;
  }

  /** The status of a user in a room that is watched; offline if the server lists them not. */
  status(room: string, user: string): Status {
    return this.online(room).people.find((p) => p.user === user)?.status ?? 'offline';
  }

  /** Names of those who type in the room now, longest first. */
  typing(room: string): readonly string[] {
    return [...(this.#typing.get(room)?.values() ?? [])].map((t) => t.name);
  }

  /** The last name heard for a user, for events that carry an id alone. */
  name(user: string): string | undefined {
    return this.#names.get(user);
  }

  met(user: string, name: string): void {
    if (!user || !name) return;
    this.#names.delete(user); // so that it goes to the end
    this.#names.set(user, name);
    if (this.#names.size > remembered) this.#names.delete(this.#names.keys().next().value!);
  }

  /** Takes the full list of a room. */
  listed(who: WhoEvent): void {
    for (const p of who.users) this.met(p.user, p.name);
    this.#set(who.room, who.count, who.users.filter((p) => p.status !== 'offline'));
  }

  /** Takes what changed in a room. */
  changed(e: PresenceEvent): void {
    const people = new Map(this.online(e.room).people.map((p) => [p.user, p]));
    for (const p of e.users) {
      this.met(p.user, p.name);
      if (p.status === 'offline') people.delete(p.user);
      else people.set(p.user, p.name ? p : { ...p, name: this.name(p.user) ?? p.user });
    }
    this.#set(e.room, e.count, [...people.values()]);
  }

  typed(room: string, user: string, name: string): void {
    this.met(user, name);
    const typing = this.#typing.get(room) ?? new Map<string, { name: string; timer: ReturnType<typeof setTimeout> }>();
    this.#typing.set(room, typing);
    clearTimeout(typing.get(user)?.timer);
    typing.set(user, { name: name || this.name(user) || 'Somebody', timer: setTimeout(() => this.stopped(room, user), typingFor) });
    this.emit('typing', room);
  }

  /** The user sent, or has not typed for a while. */
  stopped(room: string, user: string): void {
    const typing = this.#typing.get(room);
    clearTimeout(typing?.get(user)?.timer);
    if (typing?.delete(user)) this.emit('typing', room);
  }

  /** The connection is gone: nobody types. Who was online stays as it was last heard, until it is heard again. */
  lost(): void {
    for (const [room, typing] of this.#typing) for (const user of typing.keys()) this.stopped(room, user);
  }

  /** Forgets who is online in a room that is not watched any more. */
  unwatched(room: string): void {
    if (this.#online.delete(room)) this.emit('online', room);
  }

  #set(room: string, count: number, people: readonly Person[]): void {
    const sorted = [...people].sort((a, b) => a.name.localeCompare(b.name));
    this.#online.set(room, { count: Math.max(count, 0), people: sorted });
    this.emit('online', room);
  }
}
