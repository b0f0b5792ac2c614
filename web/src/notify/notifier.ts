import type { App } from '../state/app.svelte.ts';
import type { Chat } from '../state/chat.svelte.ts';
import type { NotificationState } from '../state/notification-state.svelte.ts';
import { m, loadMessages } from '../lang/language.svelte.ts';
import { isolate } from '../text/bidi.ts';
import { mentioned } from '../text/mention.ts';
import { display, noticeOf, tagOf, type Notice } from '../worker/notice.ts';
import { choicesOf, hasWord, levelOf, isQuietTime, withChoices, type NotificationChoices, type QuietHours } from './choices.ts';
import { ability, subscribe, turnOff, turnOn, worker } from './device.ts';

/** A message is new for so long, ms: what was said while the page was away is no news any more. */
const news = 60_000;
/** The wait before it is looked which notifications are read, so that many reasons for it are one. */
const tidyAfter = 500;

/**
 * What the user is told outside of the page: while it is open and not looked at by itself, and
 * while it is closed by the server, where this device has turned that on.
 */
export class Notifier {
  readonly #shown: NotificationState;
  readonly #app: App;
  readonly #chat: Chat;
  readonly #off: (() => void)[] = [];
  readonly #abort = new AbortController();
  /** Of all tabs this one shows notifications. */
  #leads = false;
  #tidying: ReturnType<typeof setTimeout> | undefined;
  #told = false;

  constructor(app: App, chat: Chat, shown: NotificationState) {
    this.#app = app;
    this.#shown = shown;
    this.#chat = chat;
    const { client } = chat;
    const read = () => (this.choices = choicesOf(client.preferences.values));
    read();
    this.#off.push(client.preferences.on('changed', read), client.on('entry', ({ room, entry }) => {
      if (entry.type === 'msg') this.#message(room, entry);
    }), client.on('room', () => this.#tidySoon()));
    const { signal } = this.#abort;
    if ('serviceWorker' in navigator) navigator.serviceWorker.addEventListener('message', (e: MessageEvent) => this.#asked(e), { signal });
    if ('locks' in navigator) {
      void navigator.locks.request(`${this.#key}.leads`, { signal }, () => new Promise<void>((resolve) => {
        this.#leads = true;
        signal.addEventListener('abort', () => resolve());
      })).catch(() => undefined);
    } else this.#leads = true;
    void this.#begin();
  }

  /** What the user has chosen, on all devices. */
  get choices(): NotificationChoices {
    return this.#shown.choices ?? choicesOf({});
  }
  set choices(choices: NotificationChoices) {
    this.#shown.choices = choices;
  }
  get on(): boolean | undefined {
    return this.#shown.on;
  }
  set on(on: boolean) {
    this.#shown.on = on;
  }
  get ask(): string | undefined {
    return this.#shown.ask;
  }
  set ask(ask: string | undefined) {
    this.#shown.ask = ask;
  }

  close(): void {
    for (const off of this.#off) off();
    this.#abort.abort();
    clearTimeout(this.#tidying);
  }

  get #key(): string {
    return `hubbub.notify.${this.#chat.client.me.id}`;
  }

  /** What is kept of the user's wish in this browser: on, or asked and not now; '': neither. */
  get #wish(): string {
    try {
      return localStorage.getItem(this.#key) ?? '';
    } catch {
      return '';
    }
  }
  set #wish(wish: 'on' | 'asked') {
    try {
      localStorage.setItem(this.#key, wish);
    } catch {
      // Then it is asked again.
    }
  }

  /** Who wanted to be told on this device is told after the next log-in, too. */
  async #begin(): Promise<void> {
    if (ability() !== 'able') return void (this.on = false);
    try {
      if (this.#wish === 'on' && Notification.permission === 'granted') {
        await subscribe(this.#chat.client.directory);
        this.on = true;
      } else this.on = (await this.#chat.client.directory.push()).on;
    } catch {
      this.on ??= false; // no network, or no push service: it is tried at the next start
    }
  }

  /** Turns notifications of this device on; false: the user has said no to the browser. */
  async turnOn(): Promise<boolean> {
    this.ask = undefined;
    this.#wish = 'asked';
    if (!(await turnOn(this.#chat.client.directory))) return false;
    this.#wish = 'on';
    this.on = true;
    return true;
  }

  async turnOff(): Promise<void> {
    await turnOff(this.#chat.client.directory);
    this.#wish = 'asked';
    this.on = false;
  }

  notNow(): void {
    this.ask = undefined;
    this.#wish = 'asked';
  }

  /** Changes what the user is told, on all devices. */
  choose(change: Partial<NotificationChoices> | { readonly quiet: undefined }): Promise<void> {
    return this.#chat.client.preferences.change((values) => withChoices(values, change as Partial<NotificationChoices>));
  }

  /** Changes the quiet hours, or begins them; another change may still be on its way. */
  chooseQuiet(change: Partial<QuietHours> & Pick<QuietHours, 'zone'>): Promise<void> {
    return this.#chat.client.preferences.change((values) => withChoices(values, { quiet: { from: 22 * 60, to: 7 * 60, ...choicesOf(values).quiet, ...change } }));
  }

  /** Chooses what is told of a room; undefined: as of all others. */
  chooseRoom(room: string, level: NotificationChoices['level'] | undefined): Promise<void> {
    return this.#chat.client.preferences.change((values) => {
      const { [room]: _, ...others } = choicesOf(values).rooms;
      return withChoices(values, { rooms: level ? { ...others, [room]: level } : others });
    });
  }

  /** Somebody looks at a room in this page. */
  #looking(room: string): boolean {
    return this.#app.attention.here && this.#app.route.page === 'room' && this.#app.route.room === room;
  }

  /** What the service worker wants to know, or to be done. */
  #asked(e: MessageEvent): void {
    const v = (typeof e.data === 'object' && e.data !== null ? e.data : {}) as { looking?: unknown; open?: unknown; subscribe?: unknown };
    if (typeof v.looking === 'string') e.ports[0]?.postMessage(this.#looking(v.looking));
    if (typeof v.open === 'string') this.#app.follow(v.open);
    if (v.subscribe === true && this.on) void this.#begin();
  }

  #message(room: string, said: { readonly user: string; readonly name: string; readonly text: string; readonly ts: number; readonly seq: number }): void {
    const { client } = this.#chat;
    if (said.user === client.me.id || client.ignored.has(said.user) || Date.now() - said.ts > news || this.#looking(room)) return;
    const info = client.rooms.get(room)?.info;
    if (!info) return;
    const mention = mentioned(said.text, client.me.name) || hasWord(said.text, this.choices.words);
    if (info.direct || mention) this.#offer(said.name, info.direct);
    const level = levelOf(this.choices, room, this.#chat.roomPreferences.muted.has(room));
    if (level === 'nothing' || (level === 'mentions' && !mention && !info.direct)) return;
    if (!this.#leads || !this.on || Notification.permission !== 'granted' || this.#chat.status === 'dnd' || isQuietTime(this.choices, Date.now())) return;
    const kind = info.direct ? 'direct' : mention ? 'mention' : 'message';
    void this.#show(noticeOf({ kind, room, seq: said.seq, author: said.name, text: said.text.slice(0, 200), ...(!info.direct && { name: info.name }) }));
  }

  async #show(notice: Notice): Promise<void> {
    await loadMessages('rest').catch(() => undefined); // a text that cannot be loaded is empty
    const { title, options } = display(notice, m);
    const at = (path: string | undefined) => path && this.#app.address(path);
    this.#told = true;
    // What is told of a room already is told anew without a sound: the server does so, too.
    await (await worker()).showNotification(title, { ...options, renotify: false, icon: at(options.icon), badge: at(options.badge) } as NotificationOptions).catch(() => undefined);
  }

  /** Asks, once, whether the user wants to be told: after somebody has wanted something of them. */
  #offer(author: string, direct: boolean): void {
    if (this.ask !== undefined || this.#wish || this.on !== false || ability() !== 'able' || Notification.permission !== 'default') return;
    this.ask = (direct ? m.wroteToYou : m.mentionedYou)({ name: isolate(author) });
  }

  #tidySoon(): void {
    this.#tidying ??= setTimeout(() => {
      this.#tidying = undefined;
      void this.#tidy();
    }, tidyAfter);
  }

  /** Takes away the notifications of rooms that were read, here or on another device. */
  async #tidy(): Promise<void> {
    if (!this.on && !this.#told) return;
    const all = await (await worker()).getNotifications().catch(() => []);
    for (const n of all) {
      const room = (n.data as { room?: string } | null)?.room;
      const known = room !== undefined && n.tag === tagOf(room) && this.#chat.client.rooms.get(room);
      if (known && known.live && this.#chat.client.unread(room).count === 0) n.close();
    }
  }
}
