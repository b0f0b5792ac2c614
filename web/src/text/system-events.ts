import type { SystemEvent, ModeratedEvent, TopicEvent } from '../client/index.ts';
import { m } from '../lang/language.svelte.ts';
import { isolate } from './bidi.ts';
import { listNames } from './person.ts';

/** What happened in a room, but for what those who look after it have done. */
export type RoomEvent = Exclude<SystemEvent, ModeratedEvent>;

/** One of a run of them; `was`: what the room was called before, if that is known. */
export interface ShownEvent {
  readonly event: RoomEvent;
  readonly was?: TopicEvent;
}

/** A line that says what happened. */
export interface EventLine {
  readonly text: string;
  /** UTC ms of the last of it. */
  readonly ts: number;
  /** It is about pins. */
  readonly pins: boolean;
}

/** Whether an event says that somebody has come or gone. */
export function isMembershipChange(e: RoomEvent): boolean {
  return e.type === 'member' && (!e.role || e.from !== undefined);
}

/**
 * What happened in a run, in few lines: who did the same is named together. `name` is what a user
 * is called, where it is known; `shown` is how many are named of many.
 */
export function eventLines(run: readonly ShownEvent[], me: string, name: (user: string) => string | undefined, shown: number): EventLine[] {
  const all: { words: (names: readonly string[]) => string; names: string[]; ts: number; pins: boolean }[] = [];
  const same = new Map<string, (typeof all)[number]>();
  const put = (key: string | undefined, ts: number, who: string, words: (names: readonly string[]) => string, pins = false) => {
    const before = key === undefined ? undefined : same.get(key);
    if (before) {
      before.names.push(who);
      before.ts = ts;
      return;
    }
    const line = { words, names: [who], ts, pins };
    all.push(line);
    if (key !== undefined) same.set(key, line);
  };
  const list = (names: readonly string[]) => listNames([...new Set(names)], shown);
  /** Who did it, for a message: the user, one other, or several, the user first: "You and Ada". */
  const those = (names: readonly string[]) => {
    const [you, others] = [names.filter((n) => n === m.you()), names.filter((n) => n !== m.you())];
    return { who: names.length > 1 ? 'many' : you.length ? 'you' : 'one', names: list([...you, ...others]) };
  };
  for (const { event: e, was } of run) {
    const by = { who: e.user === me ? 'you' : '', name: isolate((e.type === 'pinned' && e.name) || name(e.user) || m.somebody()) };
    if (e.type === 'topic') {
      const [room, topic] = [isolate(e.name), isolate(e.text)];
      const text = !was ? m.happenedChanged({ ...by, room: e.text ? `${room} – ${topic}` : room })
        : was.name === e.name ? (e.text ? m.happenedTopic({ ...by, topic }) : m.happenedNoTopic(by))
          : was.text === e.text ? m.happenedRenamed({ ...by, room })
            : e.text ? m.happenedRenamedTopic({ ...by, room, topic }) : m.happenedRenamedNoTopic({ ...by, room });
      put(undefined, e.ts, by.name, () => text);
    } else if (e.type === 'pinned') {
      put(`pin ${e.user}`, e.ts, by.name, (names) => m.happenedPinned({ ...by, count: names.length }), true);
    } else {
      const own = e.user === e.member;
      const added = !own && e.role !== undefined && e.from !== undefined;
      const who = e.member === me ? (added ? m.youObject() : m.you()) : e.name || name(e.member) || m.somebody();
      if (!e.role) put(own ? 'left' : 'removed', e.ts, who, (names) => (own ? m.happenedLeft : m.happenedRemoved)(those(names)));
      else if (e.from === undefined) put(`role ${e.role}`, e.ts, who, (names) => m.happenedRole({ ...those(names), role: e.role ?? '' }));
      else if (own) put('joined', e.ts, who, (names) => m.happenedJoined(those(names)));
      else put(`added ${e.user}`, e.ts, who, (names) => m.happenedAdded({ ...by, names: list(names) }));
    }
  }
  return all.map(({ words, names, ts, pins }) => ({ text: words(names), ts, pins }));
}
