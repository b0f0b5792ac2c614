import type { BesideEvent, ModeratedEvent, TopicEvent } from '../client/index.ts';
import { isolate } from './bidi.ts';
import { listNames } from './person.ts';

/** What happened in a room, but for what those who look after it have done. */
export type Happening = Exclude<BesideEvent, ModeratedEvent>;

/** One of a run of them; `was`: what the room was called before, if that is known. */
export interface Happened {
  readonly event: Happening;
  readonly was?: TopicEvent;
}

/** A line that says what happened. */
export interface Line {
  readonly text: string;
  /** UTC ms of the last of it. */
  readonly ts: number;
  /** It is about pins. */
  readonly pins: boolean;
}

/** Whether an event says that somebody has come or gone. */
export function comesOrGoes(e: Happening): boolean {
  return e.type === 'member' && (!e.role || e.from !== undefined);
}

/**
 * What happened in a run, in few lines: who did the same is named together. `name` is what a user
 * is called, where it is known; `shown` is how many are named of many.
 */
export function lines(run: readonly Happened[], me: string, name: (user: string) => string | undefined, shown: number): Line[] {
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
  const many = (names: readonly string[]) => names.length > 1 || names[0] === 'You';
  for (const { event: e, was } of run) {
    const actor = e.user === me ? 'You' : (e.type === 'pinned' && e.name) || name(e.user) || 'Somebody';
    if (e.type === 'topic') {
      const topic = e.text ? `set the topic: ${isolate(e.text)}` : 'removed the topic';
      const words = !was ? `changed the room: ${isolate(e.name)}${e.text ? ` – ${isolate(e.text)}` : ''}`
        : was.name !== e.name ? `renamed the room to ${isolate(e.name)}${was.text === e.text ? '' : ` and ${topic}`}` : topic;
      put(undefined, e.ts, actor, ([who]) => `${isolate(who!)} ${words}`);
    } else if (e.type === 'pinned') {
      put(`pin ${e.user}`, e.ts, actor, (names) => `${isolate(names[0]!)} pinned ${names.length === 1 ? 'a message' : `${names.length} messages`}`, true);
    } else {
      const own = e.user === e.member;
      const who = e.member === me ? (own || !e.from ? 'You' : 'you') : e.name || name(e.member) || 'Somebody';
      if (!e.role) put(own ? 'left' : 'removed', e.ts, who, (names) => `${list(names)} ${own ? 'left' : many(names) ? 'were removed' : 'was removed'}`);
      else if (e.from === undefined) put(`role ${e.role}`, e.ts, who, (names) => `${list(names)} ${many(names) ? 'are' : 'is'} now ${names.length > 1 ? `${e.role}s` : `${e.role === 'owner' ? 'an' : 'a'} ${e.role}`}`);
      else if (own) put('joined', e.ts, who, (names) => `${list(names)} joined`);
      else put(`added ${e.user}`, e.ts, who, (names) => `${isolate(actor)} added ${list(names)}`);
    }
  }
  return all.map(({ words, names, ts, pins }) => ({ text: words(names), ts, pins }));
}
