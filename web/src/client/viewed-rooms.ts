/** The rooms that are looked at, each by a viewer. */
export class ViewedRooms {
  readonly #rooms = new Map<object, string>();

  /** A viewer looks at a room now, or at none. Returns the room before if nobody looks at it now. */
  view(viewer: object, room: string | undefined): string | undefined {
    const before = this.#rooms.get(viewer);
    this.#rooms.delete(viewer);
    if (room !== undefined) this.#rooms.set(viewer, room);
    return before === undefined || this.has(before) ? undefined : before;
  }
  /** The room that a viewer looks at. */
  of(viewer: object): string | undefined {
    return this.#rooms.get(viewer);
  }
  has(room: string): boolean {
    return [...this.#rooms.values()].includes(room);
  }
  /** The room that was looked at last. */
  get last(): string | undefined {
    return [...this.#rooms.values()].at(-1);
  }
  get all(): ReadonlySet<string> {
    return new Set(this.#rooms.values());
  }
}
