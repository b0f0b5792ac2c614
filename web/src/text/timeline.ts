import { nameKey, type SystemEvent, type Message, type ModeratedEvent, type Name, type NoticeEvent, type Outgoing, type ReplyTarget, type TopicEvent } from '../client/index.ts';
import { isMembershipChange, type ShownEvent } from './system-events.ts';
import { sameDay } from './time.svelte.ts';

/** A message of the log or one on its way, as a row shows it. */
export interface Row {
  readonly kind: 'message';
  /** Stays the same when a message on its way arrives in the log. */
  readonly key: string;
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly ts: number;
  readonly text: string;
  readonly replyTo: ReplyTarget | undefined;
  /** The root of the thread that it is an answer in. */
  readonly thread: Name | undefined;
  readonly mine: boolean;
  /** Begins a group: name and picture are shown. */
  readonly first: boolean;
  /** The message in the log; undefined for one on its way. */
  readonly message: Message | undefined;
  readonly outgoing: Outgoing | undefined;
}

/** What the timeline shows, from top to bottom. */
export type Item =
  | Row
  | { readonly kind: 'day'; readonly key: string; readonly ts: number }
  /** What follows is new to the user. */
  | { readonly kind: 'new'; readonly key: 'new' }
  /** What happened between two messages. */
  | { readonly kind: 'events'; readonly key: string; readonly run: readonly ShownEvent[] }
  | { readonly kind: 'act'; readonly key: string; readonly act: ModeratedEvent }
  | { readonly kind: 'notice'; readonly key: string; readonly notice: NoticeEvent };

interface Options {
  readonly me: { readonly id: string; readonly name: string };
  /** Messages after this seq are new; undefined: no divider. */
  readonly newAfter: number | undefined;
  /** Messages follow that are not held. */
  readonly readingPast?: boolean;
  /** The seq of the first message that is new, where it is known: before it stands the divider. */
  readonly newFrom?: number | undefined;
  /** People whose messages are news to nobody here: the user blocks or ignores them. */
  readonly hidden?: ReadonlySet<string>;
  /** What was done and happened in the room, oldest first. */
  readonly systemEvents?: readonly SystemEvent[];
  /** The first message that is held is the first of the room. */
  readonly fromStart?: boolean;
  /** Who comes and goes is not shown. */
  readonly hideMembership?: boolean;
  readonly notices: readonly { readonly key: string; readonly notice: NoticeEvent }[];
}

/** Messages of one person this close together are one group, ms. */
const groupFor = 5 * 60_000;

/**
 * How many messages after a seq are news to a user: those of others who are not hidden from them,
 * but for deleted ones.
 */
export function unreadAfter(seq: number, messages: readonly Message[], me: string, hidden: ReadonlySet<string>): number {
  return messages.filter((m) => isUnread(m, seq, me, hidden)).length;
}

function isUnread(m: Message, seq: number, me: string, hidden: ReadonlySet<string> | undefined): boolean {
  return m.seq > seq && m.user !== me && !m.deleted && !hidden?.has(m.user);
}

/**
 * Lays out a room's messages: days, groups by sender, the divider of what is new, and what is on
 * its way at the end. What is the same as in `before`, which is what was laid out last by key, is
 * the same object.
 */
export function timeline(messages: readonly Message[], outgoing: readonly Outgoing[], options: Options, before: ReadonlyMap<string, Item> = new Map()): Item[] {
  const items: Item[] = [];
  let previous: Row | undefined;
  /** Something else stands between: the next message begins a group. */
  let apart = false;
  let divided = options.newAfter === undefined || (options.newFrom !== undefined && messages.length > 0 && messages[0]!.seq > options.newFrom);
  const put = <T extends Item>(item: T): T => {
    const old = before.get(item.key);
    const same = old !== undefined && sameItem(old, item) ? (old as T) : item;
    items.push(same);
    return same;
  };

  const add = (row: Omit<Row, 'kind' | 'first' | 'mine' | 'key'>) => {
    let first = apart || !previous || previous.user !== row.user || row.ts - previous.ts > groupFor || row.replyTo !== undefined || (row.thread !== undefined && row.thread.id !== previous.thread?.id);
    apart = false;
    if (!previous || !sameDay(previous.ts, row.ts)) {
      put({ kind: 'day', key: `day-${new Date(row.ts).toDateString()}-${row.id}`, ts: row.ts });
      first = true;
    }
    const mine = row.user === options.me.id;
    if (!divided && row.message && isUnread(row.message, options.newAfter!, options.me.id, options.hidden)) {
      put({ kind: 'new', key: 'new' });
      divided = first = true;
    }
    previous = put({ ...row, kind: 'message', key: nameKey(row), mine, first });
  };

  const acts = happenings(options);
  let next = 0;
  const done = (seq: number) => {
    let run: ShownEvent[] = [];
    const close = () => {
      if (run.length) put({ kind: 'events', key: `events-${run[0]!.event.seq}`, run });
      run = [];
    };
    for (; next < acts.length && acts[next]!.event.seq < seq; next++) {
      const { event, was } = acts[next]!;
      // Of what happened before the first message that is shown, nobody knows what else is left
      // out.
      if (!options.fromStart && messages.length > 0 && event.seq <= messages[0]!.seq) continue;
      apart = true;
      if (event.type === 'moderated') {
        close();
        put({ kind: 'act', key: `act-${event.seq}`, act: event });
      } else run.push({ event, ...(was && { was }) });
    }
    close();
  };
  for (const m of messages) {
    done(m.seq);
    add({ id: m.id, user: m.user, name: m.name, ts: m.ts, text: m.text, replyTo: m.replyTo, thread: m.thread, message: m, outgoing: undefined });
  }
  // Messages that are not held follow: what is on its way, and what happened, is after those.
  if (options.readingPast) return items;
  done(Number.MAX_SAFE_INTEGER);
  const known = new Set(messages.filter((m) => m.user === options.me.id).map((m) => m.id));
  for (const o of outgoing) {
    if (known.has(o.id)) continue;
    add({ id: o.id, user: options.me.id, name: options.me.name, ts: o.ts, text: o.text, replyTo: o.replyTo, thread: o.thread, message: undefined, outgoing: o });
  }
  for (const { key, notice } of options.notices) put({ kind: 'notice', key, notice });
  return items;
}

/** What of what was done and happened is shown, each with what the room was called before. */
function happenings({ systemEvents: acts = [], hideMembership: still = false }: Options): { readonly event: SystemEvent; readonly was?: TopicEvent }[] {
  // A change that is an act of moderation stands in the log beside that.
  const told = new Set(acts.filter((a) => a.type === 'moderated').map((a) => a.id));
  let was: TopicEvent | undefined;
  return acts.flatMap((event) => {
    const before = was;
    if (event.type === 'topic') {
      was = event;
      if (before && before.name === event.name && before.text === event.text) return [];
    }
    if (event.type === 'pinned' && !event.on) return [];
    if (event.type === 'member' && (told.has(`${event.id}-why`) || (still && isMembershipChange(event)))) return [];
    return [{ event, ...(before && { was: before }) }];
  });
}

/** Whether two items of one key show the same. */
function sameItem(a: Item, b: Item): boolean {
  switch (a.kind) {
    case 'message':
      return b.kind === 'message' && a.message === b.message && a.outgoing === b.outgoing && a.first === b.first && a.mine === b.mine;
    case 'day':
      return b.kind === 'day' && a.ts === b.ts;
    case 'events':
      return b.kind === 'events' && a.run.length === b.run.length && a.run.every((h, i) => h.event === b.run[i]!.event && h.was === b.run[i]!.was);
    case 'act':
      return b.kind === 'act' && a.act === b.act;
    case 'notice':
      return b.kind === 'notice' && a.notice === b.notice;
    case 'new':
      return b.kind === 'new';
  }
}
