import { type Fields, fields, list, number, text } from './fields.ts';
import { type NewThread, newThreads } from './followed.ts';
import { historyMessages } from './parse.ts';
import { fromHistory, type Message, type Replies } from './roomlog.ts';

/** What was said, in short. */
export interface Short {
  readonly user: string;
  readonly name: string;
  readonly ts: number;
  readonly text: string;
  readonly deleted: boolean;
}

/** A thread that the user follows. */
export interface FollowedThread extends NewThread {
  /** Undefined: there is no such message. */
  readonly began: Short | undefined;
  /** The last answer. */
  readonly latest: Short | undefined;
  readonly replies: Replies;
}

/** A thread of a room. */
export interface RoomThread {
  readonly user: string;
  readonly id: string;
  /** Undefined: there is no such message. */
  readonly root: Message | undefined;
  readonly replies: Replies;
}

/** Reads an answer to a list of followed threads. */
export function readFollowed(body: Fields): { readonly list: readonly FollowedThread[]; readonly next?: string } {
  const all = list(body['threads']).flatMap((t): FollowedThread[] => {
    const [thread] = newThreads([t]);
    return thread ? [{ ...thread, began: short(t['root']), latest: short(t['latest']), replies: replies(t['replies']) }] : [];
  });
  return { list: all, ...(text(body['next']) && { next: text(body['next']) }) };
}

/** Reads an answer to a list of a room's threads. */
export function readRoomThreads(body: Fields): { readonly list: readonly RoomThread[]; readonly more: boolean } {
  const all = list(body['threads']).flatMap((t): RoomThread[] => {
    const [root] = historyMessages([t['root']]);
    if (!text(t['author']) || !text(t['id'])) return [];
    return [{ user: text(t['author']), id: text(t['id']), root: root && fromHistory(root), replies: replies(t['replies']) }];
  });
  return { list: all, more: body['more'] === true };
}

function short(v: unknown): Short | undefined {
  const m = fields(v);
  if (!number(m['seq'])) return undefined;
  return { user: text(m['user']), name: text(m['name']), ts: number(m['ts']), text: text(m['text']), deleted: m['deleted'] === true };
}

function replies(v: unknown): Replies {
  const r = fields(v);
  const users = Array.isArray(r['users']) ? r['users'].filter((u): u is string => typeof u === 'string') : [];
  return { count: number(r['count']), more: r['more'] === true, users, last: number(r['last']), ts: number(r['last_ts']) };
}
