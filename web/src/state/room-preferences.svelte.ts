import type { Preferences } from '../client/index.ts';

/** Rooms that the user keeps together under a name of their own. */
export interface RoomSection {
  readonly name: string;
  readonly rooms: readonly string[];
}

/** The most that the preferences hold. */
const most = { sections: 30, name: 40 } as const;

/** How the user has put their rooms in order, on all of their devices. */
export class RoomPreferences {
  favourites = $state.raw<ReadonlySet<string>>(new Set());
  muted = $state.raw<ReadonlySet<string>>(new Set());
  sections = $state.raw<readonly RoomSection[]>([]);
  readonly #preferences: Preferences;
  readonly #off: () => void;

  /** `changed` is called when rooms are in another order. */
  constructor(preferences: Preferences, changed: () => void) {
    this.#preferences = preferences;
    this.#off = preferences.on('changed', () => {
      this.#read();
      changed();
    });
    this.#read();
  }

  close(): void {
    this.#off();
  }

  /** The name of the section that a room is in. */
  sectionOf(room: string): string | undefined {
    return this.sections.find((s) => s.rooms.includes(room))?.name;
  }

  setFavourite(room: string, on: boolean): Promise<void> {
    return this.#preferences.change((v) => ({ favourites: toggled(ids(v['favourites']), room, on) }));
  }
  setMuted(room: string, on: boolean): Promise<void> {
    return this.#preferences.change((v) => ({ muted: toggled(ids(v['muted']), room, on) }));
  }
  /** Puts a room into a section, which is made if there is none of that name; '': into none. */
  moveToSection(room: string, name: string): Promise<void> {
    const into = name.trim().slice(0, most.name);
    return this.#preferences.change((v) => {
      const all = sections(v['sections']).map((s) => ({ ...s, rooms: toggled(s.rooms, room, s.name === into) }));
      if (into && !all.some((s) => s.name === into)) all.push({ name: into, rooms: [room] });
      return { sections: all.filter((s) => s.rooms.length > 0).slice(0, most.sections) };
    });
  }

  #read(): void {
    const { values } = this.#preferences;
    this.favourites = new Set(ids(values['favourites']));
    this.muted = new Set(ids(values['muted']));
    this.sections = sections(values['sections']);
  }
}

const ids = (v: unknown): string[] => (Array.isArray(v) ? v.filter((id): id is string => typeof id === 'string') : []);

function sections(v: unknown): RoomSection[] {
  if (!Array.isArray(v)) return [];
  return v.flatMap((s: unknown) => {
    const { name, rooms } = (typeof s === 'object' && s !== null ? s : {}) as { name?: unknown; rooms?: unknown };
    return typeof name === 'string' && name.trim() ? [{ name: name.slice(0, most.name), rooms: ids(rooms) }] : [];
  });
}

function toggled(list: readonly string[], id: string, on: boolean): string[] {
  const others = list.filter((other) => other !== id);
  return on ? [...others, id] : others;
}
