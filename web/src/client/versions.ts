import type { Client } from './client.ts';
import { hasCode, HubbubError } from './errors.ts';
import { LiveList, type ListPage } from './livelist.ts';
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
export interface VersionsPage extends ListPage<Version> {
  /** There are earlier ones, which the room does not show. */
  readonly hidden: boolean;
}

/** Reads an answer; what is not understood is left out. */
export function readVersions(body: Record<string, unknown>): VersionsPage {
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
 * What a message says and has said, the present text first, kept current; `gone`: the message was
 * deleted, or cannot be read any more. Close it when nobody looks any more.
 */
export class Versions extends LiveList<Version, VersionsPage, 'gone'> {
  readonly #message: Name;

  constructor(client: Client, room: string, message: Name) {
    super(client, room, { list: [], more: false, hidden: false });
    this.#message = message;
    void this.load();
  }

  protected override async ask(before?: number): Promise<VersionsPage> {
    const { user, id } = this.#message;
    const path = [this.room, 'versions', user, id].map(encodeURIComponent).join('/');
    return readVersions(await this.client.directory.request('GET', `/v1/rooms/${path}${before === undefined ? '' : `?before=${before}`}`));
  }

  protected override stateAfter(err: unknown): 'failed' | 'gone' {
    return hasCode(err, 'not_found', 'forbidden') ? 'gone' : 'failed';
  }

  protected override take(e: LogEvent | UnknownLogEvent): void {
    const { user, id } = this.#message;
    const about = (e.type === 'edited' || e.type === 'deleted') && e.target === id && (e.author ?? (e.type === 'edited' ? e.user : user)) === user;
    if (about && e.type === 'deleted' || e.type === 'reset') this.end('gone');
    else if (about || e.type === 'moderated' && (e.act === 'versions' || e.act === 'no-versions')) void this.load();
  }
}
