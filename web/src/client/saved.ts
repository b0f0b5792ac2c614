import { HubbubError } from './errors.ts';
import { historyMessages } from './parse.ts';
import { fromHistory, type Message } from './roomlog.ts';

/** A message that the user has saved. */
export interface SavedMessage {
  /** When, UTC ms. */
  readonly ts: number;
  readonly message: Message;
}

/** Names a saved message as a key. */
export const savedKey = (room: string, user: string, id: string): string => `${room}/${user}/${id}`;

/** Reads the names of saved messages, as keys. */
export function readNames(body: Record<string, unknown>): ReadonlySet<string> {
  if (!Array.isArray(body['names'])) throw new HubbubError('internal', 'the server answers something else than names', 0);
  return new Set(body['names'].flatMap((n: unknown) => {
    const { room, author, id } = (n ?? {}) as Record<string, unknown>;
    return typeof room === 'string' && typeof author === 'string' && typeof id === 'string' ? [savedKey(room, author, id)] : [];
  }));
}

/** Reads a list of saved messages; `next` is where it goes on. */
export function readSaved(body: Record<string, unknown>): { readonly list: readonly SavedMessage[]; readonly next?: string } {
  if (!Array.isArray(body['saved'])) throw new HubbubError('internal', 'the server answers something else than saved messages', 0);
  let last: number | undefined;
  const list = body['saved'].flatMap((s: unknown): SavedMessage[] => {
    const { saved_ts: ts, message } = (s ?? {}) as Record<string, unknown>;
    const [read] = historyMessages([message]);
    if (typeof ts !== 'number' || !read) return [];
    last = ts;
    return [{ ts, message: fromHistory(read) }];
  });
  return { list, ...(body['more'] === true && last !== undefined && { next: String(last) }) };
}
