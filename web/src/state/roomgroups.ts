import { m } from '../lang/language.svelte.ts';
import type { RoomSection } from './room-preferences.svelte.ts';
import type { RoomItem } from './chat.svelte.ts';

/** Rooms that stand under one heading of the list. */
export interface Group {
  readonly key: string;
  readonly name: string;
  readonly rooms: readonly RoomItem[];
}

interface Order {
  readonly favourites: ReadonlySet<string>;
  readonly muted: ReadonlySet<string>;
  readonly sections: readonly RoomSection[];
}

/**
 * Puts rooms, which are in order, under headings: what is unread, favourites, the user's sections,
 * the other rooms, direct messages, and what is muted. `held` stays with what is unread, since it
 * was opened from there: a row does not go from under the pointer. Headings without rooms are left
 * out.
 */
export function grouped(rooms: readonly RoomItem[], { favourites, muted, sections }: Order, held?: string): readonly Group[] {
  const inSection = new Map(sections.flatMap((s) => s.rooms.map((id) => [id, s.name] as const)));
  const groups = new Map<string, { key: string; name: string; rooms: RoomItem[] }>();
  const heading = (key: string, name: string) => groups.set(key, { key, name, rooms: [] });
  heading('unread', m.unreadRooms());
  heading('favourites', m.favourites());
  for (const s of sections) heading(`section-${s.name}`, s.name);
  heading('rooms', m.rooms());
  heading('direct', m.directMessages());
  heading('muted', m.muted());
  for (const r of rooms) {
    const section = inSection.get(r.id);
    const key = muted.has(r.id) && !r.mentioned && r.id !== held ? 'muted'
      : r.unread.count > 0 || r.mentioned || r.id === held ? 'unread'
        : favourites.has(r.id) ? 'favourites'
          : section !== undefined ? `section-${section}`
            : r.direct ? 'direct' : 'rooms';
    groups.get(key)!.rooms.push(r);
  }
  return [...groups.values()].filter((g) => g.rooms.length > 0);
}

/** The groups with their first so many rooms together. */
export function firstRooms(groups: readonly Group[], rooms: number): readonly Group[] {
  let left = rooms;
  return groups.flatMap((g) => {
    const here = g.rooms.slice(0, Math.max(0, left));
    left -= here.length;
    return here.length === g.rooms.length ? [g] : here.length ? [{ ...g, rooms: here }] : [];
  });
}
