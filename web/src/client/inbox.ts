import { Emitter } from './emitter.ts';

/** What is new in a room, as the server counts it. */
export interface InboxRoom {
  readonly room: string;
  /** How far the user has read. */
  readonly read: number;
  /** What came after this seq is not counted. */
  readonly through: number;
  /** Exact up to 99; `more`: there are more. */
  readonly unread: number;
  readonly more: boolean;
  readonly mentions: number;
  /** Seqs of the first unread message, and of the first that mentions the user. */
  readonly firstUnread?: number;
  readonly firstMention?: number;
  /** The newest message, its text cut. */
  readonly last?: InboxLatest;
}

export interface InboxLatest {
  readonly seq: number;
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly ts: number;
  readonly text: string;
  readonly deleted: boolean;
}

/** Reads what is new in rooms, without what is none. */
export function inboxRooms(list: readonly unknown[]): InboxRoom[] {
  const record = (v: unknown) => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Record<string, unknown>) : undefined);
  const number = (of: Record<string, unknown>, name: string) => (typeof of[name] === 'number' ? of[name] : 0);
  const string = (of: Record<string, unknown>, name: string) => (typeof of[name] === 'string' ? of[name] : '');
  return list.flatMap((one) => {
    const v = record(one);
    if (!v || typeof v['room'] !== 'string') return [];
    const last = record(v['last']);
    return [{
      room: v['room'], read: number(v, 'read'), through: number(v, 'through'), unread: number(v, 'unread'), more: v['more'] === true, mentions: number(v, 'mentions'),
      ...(number(v, 'first_unread') && { firstUnread: number(v, 'first_unread') }),
      ...(number(v, 'first_mention') && { firstMention: number(v, 'first_mention') }),
      ...(last && {
        last: {
          seq: number(last, 'seq'), id: string(last, 'id'), user: string(last, 'user'), name: string(last, 'name'), ts: number(last, 'ts'),
          text: string(last, 'text'), deleted: last['deleted'] === true,
        },
      }),
    } as InboxRoom];
  });
}

/** How many mentions that came live are remembered for each room. */
const remembered = 500;

/**
 * What the server says is new, and who was mentioned since. The server is asked at the start, and
 * again when positions were changed otherwise than by reading on.
 */
export class Inbox extends Emitter<{ change: string }> {
  readonly #rooms = new Map<string, InboxRoom>();
  /** Seqs of messages that came live and mention the user, by room, in order. */
  readonly #mentions = new Map<string, number[]>();
  /** Which of them are answers in threads. */
  readonly #answers = new Set<string>();

  /** What the server said of a room, if it did. */
  get(room: string): InboxRoom | undefined {
    return this.#rooms.get(room);
  }

  /** Takes what the server says of rooms. */
  take(rooms: readonly InboxRoom[]): void {
    for (const r of rooms) {
      this.#rooms.set(r.room, r);
      const later = this.#mentions.get(r.room)?.filter((seq) => seq > r.through);
      if (later) this.#mentions.set(r.room, later);
      this.emit('change', r.room);
    }
  }

  /** A message mentions the user, or does not any more; `answer`: it is in a thread. */
  mentioned(room: string, seq: number, on: boolean, answer = false): void {
    if (answer) this.#answers.add(`${room}/${seq}`);
    const base = this.#rooms.get(room);
    if (base && seq <= base.through && on && base.mentions > 0 && base.firstMention! <= seq) return; // it is counted
    const others = (this.#mentions.get(room) ?? []).filter((s) => s !== seq);
    if (on) others.push(seq);
    this.#mentions.set(room, others.sort((a, b) => a - b).slice(-remembered));
    this.emit('change', room);
  }

  /** The mentions that came live after a seq. */
  mentionsAfter(room: string, seq: number): readonly number[] {
    return (this.#mentions.get(room) ?? []).filter((s) => s > seq);
  }

  /** Whether a mention that came live is of an answer in a thread, which the room may not show. */
  isAnswer(room: string, seq: number): boolean {
    return this.#answers.has(`${room}/${seq}`);
  }

  /** A message was changed or deleted: of the newest the room's description says so. */
  changed(room: string, user: string, id: string, text: string | undefined): boolean {
    const base = this.#rooms.get(room);
    const last = base?.last;
    if (!last || last.user !== user || last.id !== id) return false;
    this.#rooms.set(room, { ...base, last: { ...last, text: text ?? '', deleted: text === undefined } });
    this.emit('change', room);
    return true;
  }

  /** All that was said in a room before a seq is gone. */
  emptied(room: string, seq: number): void {
    this.#mentions.set(room, this.mentionsAfter(room, seq).slice());
    const base = this.#rooms.get(room);
    if (base && base.through < seq) {
      const { last: _, firstUnread: __, firstMention: ___, ...rest } = base;
      this.#rooms.set(room, { ...rest, read: seq, through: seq, unread: 0, more: false, mentions: 0 });
    }
    this.emit('change', room);
  }

  /** The user is not in the room any more. */
  forget(room: string): void {
    this.#rooms.delete(room);
    this.#mentions.delete(room);
  }
}
