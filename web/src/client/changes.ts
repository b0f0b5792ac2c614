import type { LogEvent } from './protocol.ts';
import type { Message } from './roomlog.ts';

/** What says something about a message that was sent before. */
export type MessageChange = Extract<LogEvent, { type: 'edited' | 'deleted' | 'reacted' | 'pinned' }>;

/** Returns the messages after a change to one of them: the same array if it makes no difference. */
export function applyChange(messages: readonly Message[], e: MessageChange): readonly Message[] {
  // Without an author, as earlier releases wrote it, the first message with the id is meant; only
  // its author edits one.
  const author = e.author ?? (e.type === 'edited' ? e.user : undefined);
  const i = messages.findIndex((m) => m.id === e.target && (author === undefined || m.user === author));
  const old = messages[i];
  if (!old || e.seq < old.seq) return messages;
  const m = changeMessage(old, e);
  return m === old ? messages : messages.with(i, m);
}

/**
 * Returns the message after the change: the same object if it makes no difference, so that applying
 * twice is safe.
 */
export function changeMessage(m: Message, e: MessageChange): Message {
  if (m.deleted) return m;
  switch (e.type) {
    case 'edited': {
      if (m.editedTs !== undefined && (m.editedTs > e.ts || m.text === e.text)) return m;
      const { mentions: _, mentionNames: __, ...rest } = m; // it may mention others now
      return { ...rest, text: e.text, editedTs: e.ts };
    }
    case 'deleted':
      return { ...unpinned(m), text: '', deleted: true, reactions: {} };
    case 'pinned':
      if (!e.on) return m.pinned ? unpinned(m) : m;
      return m.pinned && m.pinnedBy !== undefined ? m : { ...m, pinned: true, pinnedBy: e.user, pinnedTs: e.ts };
    case 'reacted': {
      // Own keys only: an object also answers to names such as `constructor`.
      const users = Object.hasOwn(m.reactions, e.emoji) ? m.reactions[e.emoji]! : [];
      if (users.includes(e.user) === e.on) return m;
      const next = e.on ? [...users, e.user] : users.filter((u) => u !== e.user);
      const { [e.emoji]: _, ...others } = m.reactions;
      // A reaction that is there keeps its place in the row.
      return { ...m, reactions: next.length ? { ...m.reactions, [e.emoji]: next } : others };
    }
    default:
      return m;
  }
}

function unpinned(m: Message): Message {
  const { pinnedBy: _, pinnedTs: __, ...rest } = m;
  return { ...rest, pinned: false };
}
