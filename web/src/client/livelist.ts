import type { Client } from './client.ts';
import { Emitter } from './emitter.ts';
import type { LogEvent, UnknownLogEvent } from './protocol.ts';

/** A page of a list, or all pages that are loaded. */
export interface ListPage<T> {
  readonly list: readonly T[];
  /** There are more to load. */
  readonly more: boolean;
}

/**
 * A list of a room that the server answers by the page, the highest seq first, kept current by the
 * room's entries. Close it when nobody looks any more.
 */
export abstract class LiveList<T extends { readonly seq: number }, P extends ListPage<T>, Ended extends string = never> extends Emitter<{ change: undefined }> {
  /** All pages that are loaded, as one. It is replaced, not changed. */
  now: P;
  state: 'loading' | 'loaded' | 'failed' | Ended = 'loading';
  protected readonly client: Client;
  protected readonly room: string;
  readonly #off: () => void;
  /** Counts the loads from the beginning: an answer to an earlier one is dropped. */
  #loads = 0;

  constructor(client: Client, room: string, empty: P) {
    super();
    this.client = client;
    this.room = room;
    this.now = empty;
    this.#off = client.on('entry', ({ room: of, entry }) => of === room && this.take(entry));
  }

  close(): void {
    this.#off();
    this.#loads++;
  }

  /** Loads the list from its beginning on. It never rejects. */
  async load(): Promise<void> {
    const load = ++this.#loads;
    if (this.state === 'failed') this.state = 'loading';
    this.emit('change', undefined);
    try {
      const page = await this.ask();
      if (load !== this.#loads) return;
      this.now = page;
      this.state = 'loaded';
    } catch (err) {
      if (load !== this.#loads) return;
      this.state = this.stateAfter(err);
    }
    this.emit('change', undefined);
  }

  /** Loads the next page. Rejects if the server does not answer it now. */
  async further(): Promise<void> {
    const last = this.now.list.at(-1);
    if (!last || !this.now.more) return;
    const load = this.#loads;
    const page = await this.ask(last.seq);
    if (load !== this.#loads) return;
    this.change({ ...page, list: [...this.now.list, ...page.list], more: page.more && page.list.length > 0 });
  }

  /** Asks for the page below a seq, or for the first one. */
  protected abstract ask(before?: number): Promise<P>;

  /** Takes in an entry of the room. */
  protected abstract take(e: LogEvent | UnknownLogEvent): void;

  /** The state after a failed load. */
  protected stateAfter(_err: unknown): 'failed' | Ended {
    return 'failed';
  }

  protected change(now: P): void {
    this.now = now;
    this.emit('change', undefined);
  }

  /** Ends the list: answers that are on their way are dropped. */
  protected end(state: Ended): void {
    this.#loads++;
    this.state = state;
    this.emit('change', undefined);
  }
}
