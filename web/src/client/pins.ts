import type { Client } from './client.ts';
import { Emitter } from './emitter.ts';
import { HubbubError } from './errors.ts';
import { historyMessages } from './parse.ts';
import type { LogEvent, UnknownLogEvent } from './protocol.ts';
import { withChange } from './changes.ts';
import { fromHistory, type Message } from './roomlog.ts';

/** A pinned message. */
export interface Pin {
  /** Of the pin. */
  readonly seq: number;
  /** Id and name of who pinned it. */
  readonly user: string;
  readonly name: string;
  /** When, UTC ms. */
  readonly ts: number;
  readonly message: Message;
}

/** Reads an answer to a list of pins; what is not understood is left out. */
export function readPins(body: Record<string, unknown>): { readonly list: readonly Pin[]; readonly more: boolean } {
  const { pins, more } = body;
  if (!Array.isArray(pins)) throw new HubbubError('internal', 'the server answers something else than pins', 0);
  const list = pins.flatMap((p: unknown): Pin[] => {
    if (typeof p !== 'object' || p === null) return [];
    const { seq, user, name, ts, message } = p as Record<string, unknown>;
    const [read] = historyMessages([message]);
    if (!read || typeof seq !== 'number' || typeof user !== 'string') return [];
    return [{ seq, user, name: typeof name === 'string' ? name : '', ts: typeof ts === 'number' ? ts : 0, message: fromHistory(read) }];
  });
  return { list, more: more === true };
}

/**
 * The pinned messages of a room, the one that was pinned last first, followed live. Close it when
 * nobody looks any more.
 */
export class Pins extends Emitter<{ change: undefined }> {
  list: readonly Pin[] = [];
  /** There are more to load. */
  more = false;
  state: 'loading' | 'loaded' | 'failed' = 'loading';
  readonly #client: Client;
  readonly #room: string;
  readonly #off: (() => void)[];
  #loads = 0;
  #resets: number;

  constructor(client: Client, room: string) {
    super();
    this.#client = client;
    this.#room = room;
    this.#resets = this.#log?.resets ?? 0;
    this.#off = [
      client.on('entry', ({ room: of, entry }) => of === room && this.#take(entry)),
      client.on('room', (of) => of === room && this.#roomChanged()),
    ];
    void this.load();
  }

  close(): void {
    for (const off of this.#off) off();
    this.#loads++;
  }

  /** Loads the list from its beginning on. It never rejects. */
  async load(): Promise<void> {
    const load = ++this.#loads;
    if (this.state === 'failed') this.state = 'loading';
    this.emit('change', undefined);
    try {
      const { list, more } = await this.#ask();
      if (load !== this.#loads) return;
      this.list = list;
      this.more = more;
      this.state = 'loaded';
    } catch {
      if (load !== this.#loads) return;
      this.state = 'failed';
    }
    this.emit('change', undefined);
  }

  /** Loads what follows. Rejects if it is not to be had now. */
  async further(): Promise<void> {
    const last = this.list.at(-1);
    if (!last || !this.more) return;
    const load = this.#loads;
    const { list, more } = await this.#ask(last.seq);
    if (load !== this.#loads) return;
    this.list = [...this.list, ...list];
    this.more = more && list.length > 0;
    this.emit('change', undefined);
  }

  async #ask(before?: number) {
    const path = `/v1/rooms/${encodeURIComponent(this.#room)}/pins${before === undefined ? '' : `?before=${before}`}`;
    return readPins(await this.#client.directory.request('GET', path));
  }

  get #log() {
    return this.#client.rooms.get(this.#room)?.log;
  }

  #roomChanged(): void {
    const resets = this.#log?.resets ?? 0;
    const another = resets !== this.#resets;
    this.#resets = resets;
    if (another) void this.load();
  }

  #take(e: LogEvent | UnknownLogEvent): void {
    // The message is not among the pins: the server has it.
    if (e.type === 'pinned' && e.on) return void this.load();
    if (e.type !== 'edited' && e.type !== 'deleted' && e.type !== 'reacted' && e.type !== 'pinned') return;
    if (this.state === 'loading' || this.#loads === 0) return void this.load(); // what is on its way may be older
    const before = this.list;
    const next = before.map((p) => {
      const [message] = withChange([p.message], e);
      return message === p.message ? p : { ...p, message: message! };
    }).filter((p) => p.message.pinned && !p.message.deleted);
    if (next.length === before.length && next.every((p, i) => p === before[i])) return;
    this.list = next;
    this.emit('change', undefined);
  }
}
