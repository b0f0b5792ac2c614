import type { Client, UnreadThread } from '../client/index.ts';

/** The followed threads with something new, as Svelte sees them. */
export class Threads {
  list = $state.raw<readonly UnreadThread[]>([]);
  /** There are more than are listed. */
  more = $state(false);
  readonly #off: () => void;

  constructor(client: Client) {
    this.#off = client.followedThreads.on('change', () => {
      this.list = client.followedThreads.list;
      this.more = client.followedThreads.more;
    });
  }

  /** How many, for a badge; empty: none. */
  get count(): string {
    return this.list.length ? `${this.list.length}${this.more ? '+' : ''}` : '';
  }

  /** How many are in rooms that are not counted as unread themselves. */
  apart(rooms: readonly { readonly id: string; readonly unread: { readonly count: number } }[]): number {
    return this.list.filter((t) => !rooms.some((r) => r.id === t.room && r.unread.count > 0)).length;
  }

  close(): void {
    this.#off();
  }
}
