import type { Status, Unread } from '../client/index.ts';

/** A room as the list shows it. */
export interface RoomItem {
  readonly id: string;
  readonly name: string;
  readonly topic: string;
  readonly private: boolean;
  readonly direct: boolean;
  /** A direct room of several people. */
  readonly group: boolean;
  readonly archived: boolean;
  readonly unread: Unread;
  /** An unread message mentions the user. */
  readonly mentioned: boolean;
  /**
   * The newest message: the last one on its way, else that of the log; one that failed only where
   * there is no other.
   */
  readonly last: { readonly text: string; readonly name: string; readonly mine: boolean; readonly deleted: boolean; readonly ts: number } | undefined;
  /** A message could not be sent. */
  readonly failed: boolean;
  /** A message has not reached the server: it waits, or could not be sent. */
  readonly unsent: boolean;
  readonly draft: boolean;
  /** When something last happened there: the newest message, or that the user came in. */
  readonly moved: number;
  /** The id of the other person in a direct room. */
  readonly other: string | undefined;
  /** Of the other person in a direct room, if it is known. */
  readonly status: Status | undefined;
  readonly typing: boolean;
}

/** Whether the list shows the same of both. */
export function sameItem(a: RoomItem, b: RoomItem): boolean {
  for (const key in b) {
    const k = key as keyof RoomItem;
    if (a[k] !== b[k] && k !== 'unread' && k !== 'last') return false;
  }
  const [before, now] = [a.last, b.last];
  const [counted, counts] = [a.unread, b.unread];
  return counted.count === counts.count && counted.more === counts.more && counted.mentions === counts.mentions && counted.first === counts.first
    && before?.ts === now?.ts && before?.text === now?.text && before?.name === now?.name && before?.mine === now?.mine && before?.deleted === now?.deleted;
}
