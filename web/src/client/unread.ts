import type { Inbox } from './inbox.ts';
import type { Room } from './room.ts';
import type { Message } from './roomlog.ts';

/** How many messages of others are new; `more`: at least so many. */
export interface Unread {
  readonly count: number;
  readonly more: boolean;
  /** How many of them mention the user. */
  readonly mentions: number;
  /** The seq of the first of them, where it is known. */
  readonly first?: number;
}

/** How many unread messages are counted. */
const maxUnread = 99;

/**
 * What of others came after a read position: as the server counts it, with what came since; behind
 * what the server has counted, what is here. `here` are the messages of others after the position.
 */
export function unreadOf(room: Room, inbox: Inbox, read: number, here: readonly Message[]): Unread {
  const { id } = room;
  const base = inbox.get(id);
  const counted = base !== undefined && read <= base.read;
  const later = counted ? here.filter((m) => m.seq > base.through) : here;
  const deleted = new Set(room.log.messages.filter((m) => m.deleted).map((m) => m.seq));
  const mentions = inbox.mentionsAfter(id, counted ? base.through : read).filter((seq) => !deleted.has(seq));
  const live = mentions.length;
  const aside = mentions.filter((seq) => inbox.isAnswer(id, seq) && !later.some((m) => m.seq === seq)).length;
  const count = (counted ? base.unread : 0) + later.length + aside;
  const first = (counted ? base.firstUnread : undefined) ?? later[0]?.seq;
  // Where the user has read a part of what was counted, and not all.
  const part = !counted && base?.firstMention !== undefined && base.firstMention > read ? base.mentions : 0;
  return {
    count: Math.min(count, maxUnread),
    more: count > maxUnread || (counted ? base.more : count > 0 && (room.hasOlder || room.log.past !== undefined) && room.log.messages[0]!.seq > read),
    mentions: (counted ? base.mentions : part) + live,
    ...(count > 0 && first !== undefined && { first }),
  };
}
