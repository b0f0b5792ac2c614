import type {
  SystemEvent, HistoryEvent, HistoryMessage, LogEvent, NoticeEvent, Person, PinnedEvent, PresenceEvent, ReactedEvent, ServerEvent, Status, TopicEvent, UnknownLogEvent, WelcomeEvent, WhoEvent,
} from './protocol.ts';

const logTypes = new Set([
  'msg', 'edited', 'deleted', 'reacted', 'pinned', 'topic', 'member', 'invited', 'removed', 'changed', 'moderated', 'mentioned', 'reset',
]);
const otherTypes = new Set([
  'welcome', 'joined', 'ack', 'error', 'typing', 'read', 'presence', 'who', 'history', 'notice', 'bye', 'inbox',
]);
// The strings that an event cannot do without, beside those of every log entry.
const needs: Readonly<Record<string, readonly string[]>> = {
  msg: ['text'], edited: ['target', 'text'], deleted: ['target'], reacted: ['target', 'emoji'], pinned: ['target'],
  member: ['member'], invited: ['target'], removed: ['target'], changed: ['target'], moderated: ['act'],
  welcome: ['user', 'name'], joined: ['room'], error: ['code'], typing: ['room', 'user'], read: ['room', 'user'],
  presence: ['room'], who: ['room'], history: ['room'], notice: ['room', 'text'],
};

/** The longest wait that a server is obeyed in, ms. */
const longestWait = 86_400_000;

/**
 * Returns the event of a text frame, or undefined for what is none that this client knows: not
 * JSON, of an unknown type, or without a field that it cannot do without. An entry of a log that
 * lacks one moves the position on. Absent optional numbers, booleans and lists are filled in.
 */
export function parseEvent(frame: string): ServerEvent | undefined {
  let v: unknown;
  try {
    v = JSON.parse(frame);
  } catch {
    return undefined;
  }
  if (!isRecord(v) || typeof v['type'] !== 'string') return undefined;
  const type = v['type'];
  const lacking = needs[type]?.some((field) => typeof v[field] !== 'string');
  if (otherTypes.has(type)) return lacking ? undefined : completeOther(v);
  // Whatever has a place in a room's log counts, also when its type is news to us, or when it has
  // lost its text: its message was deleted.
  if (!isEntry(v)) return undefined;
  const entry = { ...v, prev: number(v['prev']), name: string(v['name']), user: string(v['user']), ts: number(v['ts']) };
  if (lacking || !logTypes.has(type) || (type === 'mentioned' && !isSeq(v['at']))) return { ...entry, type: 'unknown' } as UnknownLogEvent;
  if (type === 'reacted' || type === 'pinned') return { ...entry, on: v['on'] === true } as ReactedEvent | PinnedEvent;
  if (type === 'topic') return { ...entry, text: string(v['text']) } as TopicEvent;
  return entry as unknown as LogEvent;
}

function completeOther(v: Record<string, unknown>): ServerEvent | undefined {
  switch (v['type']) {
    case 'joined':
    case 'read':
      return isSeq(v['seq']) ? (v as unknown as ServerEvent) : undefined;
    case 'welcome':
      return { ...v, limits: { frame: 0, text: 0, rooms: 0, rate: 0, ...record(v['limits']) }, ping_ms: number(v['ping_ms']) } as WelcomeEvent;
    case 'presence':
      return { ...v, users: people(v['users']), count: number(v['count']) } as unknown as PresenceEvent;
    case 'who': {
      const { next, ...rest } = v;
      return {
        ...rest, users: people(v['users']), count: number(v['count']), ...(typeof next === 'string' && { next }),
        going: people(v['going']), going_ms: retryAfter(v['going_ms']) ?? 0,
      } as unknown as WhoEvent;
    }
    case 'history': {
      const { root, ...rest } = v;
      const [first] = historyMessages([root]);
      return { ...rest, ...(first && { root: first }), messages: historyMessages(v['messages']), acts: readSystemEvents(v['acts'], v['events']), more: v['more'] === true } as unknown as HistoryEvent;
    }
    case 'notice':
      return { ...v, ...(v['users'] !== undefined && { users: people(v['users']), count: number(v['count']) }) } as unknown as NoticeEvent;
    case 'error':
    case 'bye': {
      const { retry_after_ms: asked, ...rest } = v;
      const wait = retryAfter(asked);
      return { ...rest, message: string(v['message']), ...(wait !== undefined && { retry_after_ms: wait }) } as unknown as ServerEvent;
    }
    default:
      return v as unknown as ServerEvent;
  }
}

/**
 * Returns the wait that a server asks for, ms, of at most a day; undefined for what is none. A
 * timer that is given anything beyond 2^31, or no number, fires at once: the client would hammer
 * the server that asked for peace.
 */
export function retryAfter(v: unknown): number | undefined {
  return typeof v === 'number' && v >= 0 ? Math.min(v, longestWait) : undefined;
}

/** Returns the messages of a page of history, without what is none. */
export function historyMessages(v: unknown): HistoryMessage[] {
  return list(v).filter(isEntry).map((m) => ({
    ...(m as unknown as HistoryMessage),
    type: 'msg', prev: number(m['prev']), user: string(m['user']), name: string(m['name']), ts: number(m['ts']), text: string(m['text']),
  }));
}

/** Returns what a page of history has beside its messages, by seq, without what is none. */
export function readSystemEvents(acts: unknown, events: unknown): SystemEvent[] {
  const all: Record<string, unknown>[] = list(acts ?? []).filter(isEntry).filter((m) => typeof m['act'] === 'string').map((m) => ({ ...m, type: 'moderated' }));
  for (const m of list(events ?? []).filter(isEntry)) {
    if (needs[m['type'] as string]?.some((field) => typeof m[field] !== 'string')) continue;
    if (m['type'] === 'topic') all.push({ ...m, text: string(m['text']) });
    else if (m['type'] === 'pinned') all.push({ ...m, on: m['on'] === true });
    else if (m['type'] === 'member') all.push(m);
  }
  return all.map((m) => ({ ...(m as unknown as SystemEvent), prev: 0, user: string(m['user']), name: string(m['name']), ts: number(m['ts']) }))
    .sort((a, b) => a.seq - b.seq);
}

function people(v: unknown): Person[] {
  return list(v).filter((p): p is Record<string, unknown> => isRecord(p) && typeof p['user'] === 'string')
    .map((p) => ({ user: p['user'] as string, name: string(p['name']), status: (string(p['status']) || 'online') as Status }));
}

function isEntry(v: unknown): v is Record<string, unknown> {
  return isRecord(v) && isSeq(v['seq']) && typeof v['room'] === 'string' && typeof v['id'] === 'string';
}
function isSeq(v: unknown): v is number {
  return typeof v === 'number' && Number.isSafeInteger(v) && v >= 0;
}
function isRecord(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}
const record = (v: unknown): Record<string, unknown> => (isRecord(v) ? v : {});
const list = (v: unknown): unknown[] => (Array.isArray(v) ? v : []);
const number = (v: unknown): number => (typeof v === 'number' ? v : 0);
const string = (v: unknown): string => (typeof v === 'string' ? v : '');
