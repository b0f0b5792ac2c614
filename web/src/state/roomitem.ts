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
  readonly draft: boolean;
  /** When something last happened there: the newest message, or that the user came in. */
  readonly moved: number;
  /** The id of the other person in a direct room. */
  readonly other: string | undefined;
  /** Of the other person in a direct room, if it is known. */
  readonly status: Status | undefined;
  readonly typing: boolean;
}
