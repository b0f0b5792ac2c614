import { applyChange } from './changes.ts';
import type { Client } from './client.ts';
import { HubbubError } from './errors.ts';
import { LiveList, type ListPage } from './livelist.ts';
import { historyMessages } from './parse.ts';
import type { LogEvent, UnknownLogEvent } from './protocol.ts';
import { onReset } from './resets.ts';
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
export function readPins(body: Record<string, unknown>): ListPage<Pin> {
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
 * The pinned messages of a room, the one that was pinned last first, kept current. Close it when
 * nobody looks any more.
 */
export class Pins extends LiveList<Pin, ListPage<Pin>> {
  readonly #resets: () => void;

  constructor(client: Client, room: string) {
    super(client, room, { list: [], more: false });
    this.#resets = onReset(client, room, () => void this.load());
    void this.load();
  }

  override close(): void {
    super.close();
    this.#resets();
  }

  protected override async ask(before?: number): Promise<ListPage<Pin>> {
    const path = `/v1/rooms/${encodeURIComponent(this.room)}/pins${before === undefined ? '' : `?before=${before}`}`;
    return readPins(await this.client.directory.request('GET', path));
  }

  protected override take(e: LogEvent | UnknownLogEvent): void {
    // The message is not among the pins: the server has it.
    if (e.type === 'pinned' && e.on) return void this.load();
    if (e.type !== 'edited' && e.type !== 'deleted' && e.type !== 'reacted' && e.type !== 'pinned') return;
    if (this.state === 'loading') return void this.load(); // what is on its way may be older
    const before = this.now.list;
    const next = before.map((p) => {
      const [message] = applyChange([p.message], e);
      return message === p.message ? p : { ...p, message: message! };
    }).filter((p) => p.message.pinned && !p.message.deleted);
    if (next.length === before.length && next.every((p, i) => p === before[i])) return;
    this.change({ ...this.now, list: next });
  }
}
