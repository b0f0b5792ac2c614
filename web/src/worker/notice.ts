import type { Messages } from '../lang/messages.d.ts';
import { isolate } from '../text/bidi.ts';

/** What a push carries: see docs/notifications.md. */
export interface Notice {
  readonly kind: 'message' | 'mention' | 'direct' | 'test';
  readonly room?: string;
  readonly name?: string;
  readonly seq?: number;
  readonly author?: string;
  readonly count?: number;
  readonly text?: string;
}

/** A notification as the browser shows it. */
export interface Display {
  readonly title: string;
  readonly options: NotificationOptions & { readonly tag: string; readonly data: Target; readonly renotify?: boolean };
}

/** Where a notification leads. */
export interface Target {
  readonly room?: string;
  readonly seq?: number;
}

/** Reads what a push carries; one that is of no form is told without its contents. */
export function noticeOf(data: unknown): Notice {
  const v = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  const text = (key: string, most: number) => (typeof v[key] === 'string' && v[key] ? { [key]: v[key].slice(0, most) } : {});
  const number = (key: string) => (typeof v[key] === 'number' && Number.isSafeInteger(v[key]) && v[key] > 0 ? { [key]: v[key] } : {});
  const room = typeof v['room'] === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(v['room']) ? { room: v['room'] } : {};
  const kind = (['mention', 'direct', 'test'] as const).find((k) => k === v['kind']) ?? 'message';
  return { kind, ...room, ...text('name', 100), ...text('author', 100), ...text('text', 300), ...number('seq'), ...number('count') };
}

/** The tag of what is told of a room: a later one takes its place. */
export const tagOf = (room: string | undefined): string => `room:${room ?? ''}`;

/** What a person sees of a notice, in the language of the messages. */
export function display(n: Notice, m: Messages): Display {
  const images = { icon: 'icon-192.png', badge: 'badge-96.png' };
  if (n.kind === 'test') return { title: m.pushTest(), options: { ...images, body: m.pushTestAbout(), tag: 'test', data: {} } };
  const author = n.author ?? m.somebody();
  const name = isolate(author);
  const mention = () => (n.name ? m.pushMention({ name, room: isolate(n.name) }) : m.pushMentioned({ name }));
  const title = n.kind === 'direct' ? author : n.kind === 'mention' ? mention() : (n.name ?? author);
  const more = (n.count ?? 1) > 1 ? m.newMessages({ count: n.count! }) : undefined;
  const said = n.kind === 'message' ? m.pushSaid({ name, text: isolate(n.text ?? '') }) : (n.text ?? '');
  const group = n.room?.startsWith('g-') ?? false; // a conversation of several
  const alone = n.kind === 'direct' ? (group ? m.pushGroup() : m.pushSent()) : n.kind === 'mention' ? '' : m.pushMessage({ name });
  const body = n.text ? `${said}${more ? ` · ${more}` : ''}` : (more ?? alone);
  return {
    title,
    options: {
      ...images, body, tag: tagOf(n.room), renotify: true,
      data: { ...(n.room !== undefined && { room: n.room }), ...(n.seq !== undefined && { seq: n.seq }) },
    },
  };
}

/** The address of what a notification leads to, within the page. */
export function hashOf({ room, seq }: Target): string {
  return room === undefined ? '#/' : `#/room/${room}${seq === undefined ? '' : `/${seq}`}`;
}
