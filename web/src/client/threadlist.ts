import { type Fields, object, objects, number, text } from './json.ts';
import { type UnreadThread, readUnreadThreads } from './followed-threads.ts';
import { historyMessages } from './parse.ts';
import { fromHistory, type Message, type ThreadSummary } from './roomlog.ts';

/** What was said, in short. */
export interface MessageSummary {
  readonly user: string;
  readonly name: string;
  readonly ts: number;
  readonly text: string;
  readonly deleted: boolean;
}

/** A thread that the user follows. */
export interface FollowedThread extends UnreadThread {
  /** Undefined: there is no such message. */
  readonly began: MessageSummary | undefined;
  /** The last answer. */
  readonly latest: MessageSummary | undefined;
  readonly replies: ThreadSummary;
}

/** A thread of a room. */
export interface RoomThread {
  readonly user: string;
  readonly id: string;
  /** Undefined: there is no such message. */
  readonly root: Message | undefined;
  readonly replies: ThreadSummary;
}

/** Reads an answer to a list of followed threads. */
export function readFollowed(body: Fields): { readonly list: readonly FollowedThread[]; readonly next?: string } {
  const all = objects(body['threads']).flatMap((t): FollowedThread[] => {
    const [thread] = readUnreadThreads([t]);
    return thread ? [{ ...thread, began: short(t['root']), latest: short(t['latest']), replies: replies(t['replies']) }] : [];
  });
  return { list: all, ...(text(body['next']) && { next: text(body['next']) }) };
}

/** Reads an answer to a list of a room's threads. */
export function readRoomThreads(body: Fields): { readonly list: readonly RoomThread[]; readonly more: boolean } {
  const all = objects(body['threads']).flatMap((t): RoomThread[] => {
    const [root] = historyMessages([t['root']]);
    if (!text(t['author']) || !text(t['id'])) return [];
    return [{ user: text(t['author']), id: text(t['id']), root: root && fromHistory(root), replies: replies(t['replies']) }];
  });
  return { list: all, more: body['more'] === true };
}

function short(v: unknown): MessageSummary | undefined {
  const m = object(v);
  if (!number(m['seq'])) return undefined;
  return { user: text(m['user']), name: text(m['name']), ts: number(m['ts']), text: text(m['text']), deleted: m['deleted'] === true };
}

function replies(v: unknown): ThreadSummary {
  const r = object(v);
  const users = Array.isArray(r['users']) ? r['users'].filter((u): u is string => typeof u === 'string') : [];
  return { count: number(r['count']), more: r['more'] === true, users, last: number(r['last']), ts: number(r['last_ts']) };
}
