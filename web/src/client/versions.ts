import type { Client } from './client.ts';
import { Emitter } from './emitter.ts';
import { hasCode, HubbubError } from './errors.ts';
import type { LogEvent, Name, UnknownLogEvent } from './protocol.ts';

/** One text of a message. */
export interface Version {
  /** Of the message, or of the edit. */
  readonly seq: number;
  /** UTC ms. */
  readonly ts: number;
  /** Undefined: a server of an earlier release has not kept it. */
  readonly text?: string;
}

/** What a server answers about the versions of a message, the present one first. */
export interface Answer {
  readonly list: readonly Version[];
  /** There are more to load. */
  readonly more: boolean;
  /** There are earlier ones, which the room does not show. */
  readonly hidden: boolean;
}

/** Reads an answer; what is not understood is left out. */
export function readVersions(body: Record<string, unknown>): Answer {
  const { versions, more, hidden } = body;
  if (!Array.isArray(versions)) throw new HubbubError('internal', 'the server answers something else than versions', 0);
  const list = versions.flatMap((v: unknown): Version[] => {
    if (typeof v !== 'object' || v === null) return [];
    const { seq, ts, text } = v as Record<string, unknown>;
    return typeof seq === 'number' ? [{ seq, ts: typeof ts === 'number' ? ts : 0, ...(typeof text === 'string' && { text }) }] : [];
  });
  return { list, more: more === true, hidden: hidden === true };
}

/**
 * What a message says and has said, the present text first, followed live. Close it when nobody
 * looks any more.
 */
export class Versions extends Emitter<{ change: undefined }> {
  now: Answer = { list: [], more: false, hidden: false };
  /** `gone`: the message was deleted, or cannot be read any more. */
  state: 'loading' | 'loaded' | 'failed' | 'gone' = 'loading';
  readonly #client: Client;
  readonly #room: string;
  readonly #message: Name;
  readonly #off: () => void;
  #loads = 0;

  constructor(client: Client, room: string, message: Name) {
    super();
    this.#client = client;
    this.#room = room;
    this.#message = message;
    this.#off = client.on('entry', ({ room: of, entry }) => of === room && this.#take(entry));
    void this.load();
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
      const now = await this.#ask();
      if (load !== this.#loads) return;
      this.now = now;
      this.state = 'loaded';
    } catch (err) {
      if (load !== this.#loads) return;
      this.state = hasCode(err, 'not_found') || hasCode(err, 'forbidden') ? 'gone' : 'failed';
    }
    this.emit('change', undefined);
  }

  /** Loads what follows. Rejects if it is not to be had now. */
  async further(): Promise<void> {
    const last = this.now.list.at(-1);
    if (!last || !this.now.more) return;
    const load = this.#loads;
    const { list, more, hidden } = await this.#ask(last.seq);
    if (load !== this.#loads) return;
    this.now = { list: [...this.now.list, ...list], more: more && list.length > 0, hidden };
    this.emit('change', undefined);
  }

  async #ask(before?: number): Promise<Answer> {
    const { user, id } = this.#message;
    const path = [this.#room, 'versions', user, id].map(encodeURIComponent).join('/');
    return readVersions(await this.#client.directory.request('GET', `/v1/rooms/${path}${before === undefined ? '' : `?before=${before}`}`));
  }

  #take(e: LogEvent | UnknownLogEvent): void {
    const { user, id } = this.#message;
    const about = (e.type === 'edited' || e.type === 'deleted') && e.target === id && (e.author ?? (e.type === 'edited' ? e.user : user)) === user;
    if (about && e.type === 'deleted' || e.type === 'reset') {
      this.#loads++;
      this.state = 'gone';
      this.emit('change', undefined);
    } else if (about || e.type === 'moderated' && (e.act === 'versions' || e.act === 'no-versions')) void this.load();
  }
}
