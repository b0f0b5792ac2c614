import { m } from '../lang/language.svelte.ts';
import { createContext } from 'svelte';
import { Account, Api, browserStore, Client, environment, outboxStore, readsStore, Session, type RestrictionKind, type Message, type Name, type Role, type Server, type ServerRole, type User } from '../client/index.ts';
import { ownActText, removedText } from '../text/moderation.ts';
import type { MessageAction } from '../ui/message-actions.ts';
import { Attention } from './attention.svelte.ts';
import { ReturningVisitor } from './returning-visitor.ts';
import { Chat } from './chat.svelte.ts';
import { Navigation } from './navigation.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { OfflineChat, OfflineSaver } from '../offline/offline-chat.ts';
import { parseRoute, roomHash, type Route } from './route.ts';
import { Appearance } from './appearance.svelte.ts';
import { NotificationState } from './notification-state.svelte.ts';
import { Today } from './today.svelte.ts';

export interface Toast {
  readonly key: number;
  readonly text: string;
}

/** What is asked of the user in a dialog. */
export type Dialog =
  | { readonly kind: 'create' | 'browse' | 'account' | 'requests' | 'blocks' | 'shortcuts' | 'quick-switcher' }
  /** A conversation is begun; `people`: with these, and others. */
  | { readonly kind: 'direct'; readonly people?: readonly User[] }
  /** What can be done with a message, on a screen that is touched. */
  | { readonly kind: 'message'; readonly message: Message; readonly reacts: boolean; readonly react: (emoji: string) => void; readonly actions: readonly MessageAction[] }
  /** Somebody; `room`: of the direct room with them. */
  | { readonly kind: 'person'; readonly user: string; readonly name: string; readonly room?: string }
  | { readonly kind: 'edit' | 'rules' | 'moderation'; readonly room: string }
  /** What a message said before it was edited. */
  | { readonly kind: 'versions'; readonly room: string; readonly message: Name }
  | { readonly kind: 'report'; readonly room: string; readonly message: Name; readonly name: string; readonly text: string }
  | { readonly kind: 'destroy' | 'reset'; readonly room: string; readonly name: string }
  | { readonly kind: 'purge' | 'remove'; readonly room: string; readonly user: string; readonly name: string }
  | { readonly kind: 'restrict'; readonly restriction: RestrictionKind; readonly room: string; readonly user: string; readonly name: string }
  /** One of the dialogs of the part of the server page that is shown. */
  | { readonly kind: 'server'; readonly ask: string }
  | { readonly kind: 'add' | 'leave' | 'room-placement'; readonly room: string; readonly name: string }
  | { readonly kind: 'member'; readonly room: string; readonly user: string; readonly name: string; readonly role: Role }
  | { readonly kind: 'delete'; readonly room: string; readonly message: Name; readonly text: string };

/** How long a toast stays, ms. */
const toastFor = 6_000;
/** After this long without a touch the user is shown as idle, ms. */
const idleAfter = 5 * 60_000;

/** The page: who is logged in, what they look at, and what lies over it. */
export class App {
  readonly session: Session;
  readonly account: Account;
  #server: Server | undefined;
  readonly attention = new Attention(idleAfter);
  /** What lies over the page. */
  readonly navigation = new Navigation(window);
  readonly today = new Today();
  readonly appearance = new Appearance();
  user = $state.raw<User | undefined>(undefined);
  chat = $state.raw<Chat | undefined>(undefined);
  /** What the user is on the server, as far as that is known. */
  serverRole = $state<ServerRole>('');
  route = $state.raw<Route>({ page: 'rooms' });
  dialog = $state.raw<Dialog | undefined>(undefined);
  toasts = $state.raw<readonly Toast[]>([]);
  /** What is told outside of the page; it is there soon after the start. */
  notifier = $state.raw<Notifier | undefined>(undefined);
  /** Why the last session ended, if the user did not end it. */
  ended = $state<string | undefined>(undefined);
  /** The people panel, where it does not fit beside the messages. */
  peopleOpen = $state(false);
  /** The search is open; each time it is asked for with another text, if there is one. */
  searching = $state.raw<{ readonly text: string } | undefined>(undefined);
  /** What stands beside the room instead of who is there. */
  panel = $state<'pins' | 'threads' | 'saved'>();
  #leaving = false;
  #offlineSaver: OfflineSaver | undefined;
  #offlineChat: OfflineChat | undefined;
  #toastCount = 0;

  /** Where the page is, with a slash at its end: its server is there, too. */
  readonly #base = new URL('.', document.baseURI);
  // Without cookies the page keeps its refresh token itself.
  readonly #api = new Api(this.#base.pathname.replace(/\/$/, ''), undefined, navigator.cookieEnabled ? this.#base.pathname : undefined);
  readonly #environment = environment();
  /** Of who is welcomed, whether they have been here before. */
  readonly visitor = new ReturningVisitor(`hubbub.been${this.#base.pathname.replace(/\/$/, '')}`);

  constructor() {
    this.session = new Session(this.#api, browserStore(`hubbub.session${this.#base.pathname.replace(/\/$/, '')}`), this.#environment);
    this.account = new Account(this.#api, this.session);
    this.session.on('user', (user) => this.#userChanged(user));
    this.route = parseRoute(location.hash);
    window.addEventListener('hashchange', () => {
      this.navigation.arrived(this.route.page);
      this.route = parseRoute(location.hash);
      this.peopleOpen = false;
      if (this.dialog?.kind === 'server') this.dialog = undefined;
    });
    // Where what is not sent would end with the tab, closing it is the user's to decide.
    window.addEventListener('beforeunload', (e) => {
      const { chat } = this;
      if (chat && [chat.client.outbox, chat.pendingChanges].some((unsent) => unsent.waiting && !unsent.persistent)) e.preventDefault();
    });
    this.#userChanged(this.session.user);
  }

  /** What those who run the server do, which few need: see `loadServer`. */
  get server(): Server {
    if (!this.#server) throw new Error('loadServer comes first');
    return this.#server;
  }

  async loadServer(): Promise<Server> {
    const { Server } = await import('../client/server.ts');
    return (this.#server ??= new Server(this.#api, this.session));
  }

  /** Opens a panel beside the room, or closes it if it is open: there is one at a time. */
  toggle(panel: 'pins' | 'threads' | 'saved'): void {
    this.panel = this.panel === panel ? undefined : panel;
    this.searching = undefined;
    this.peopleOpen = false;
  }

  /**
   * Begins to tell what is new outside of the page, and to keep the chat for when there is no
   * network: nobody needs that at the start.
   */
  async settle(chat: Chat): Promise<void> {
    const [{ Notifier }, { OfflineSaver }] = await Promise.all([import('../notify/notifier.ts'), import('../offline/offline-chat.ts')]);
    if (this.chat !== chat) return;
    this.notifier ??= new Notifier(this, chat, new NotificationState());
    this.#offlineSaver ??= new OfflineSaver(chat.client, this.#base.pathname, this.#offlineChat);
  }

  /** Shows what was here before, where the server does not answer. */
  async showOfflineChat(chat: Chat): Promise<void> {
    const { loadOfflineChat } = await import('../offline/offline-chat.ts');
    const saved = await loadOfflineChat(this.#base.pathname, chat.client.me.id);
    if (!saved || this.chat !== chat || chat.client.listed) return;
    this.#offlineChat = saved;
    chat.offlineMessages.byRoom = saved.messages;
    chat.client.showOfflineRooms(saved.rooms);
  }

  /** Shows a room. */
  go(room: string): void {
    this.navigation.go(roomHash(room));
    this.dialog = undefined;
  }

  /** Shows the list of rooms. */
  home(): void {
    this.navigation.go('#/');
  }

  /** The page has more than one room: lists, profiles, threads. */
  readonly fullPage: boolean = true;

  /** The address of a place of the page, for a link. */
  href(hash: string): string {
    return hash;
  }

  /** Goes back to the list of rooms, by the way the user came if that is so. */
  up(e: MouseEvent): void {
    if (e.ctrlKey || e.metaKey || e.shiftKey) return; // the link opens elsewhere
    e.preventDefault();
    this.navigation.up('rooms', '#/');
  }

  async logout(): Promise<void> {
    this.chat?.client.outbox.clear();
    this.chat?.pendingChanges.clear();
    this.chat?.drafts.clear();
    await this.loginAgain();
    this.navigation.go('#/');
  }

  /**
   * Asks the user who they are, because the server does not know any more; what they have not sent
   * stays for when they are back.
   */
  async loginAgain(): Promise<void> {
    this.dialog = undefined;
    this.#leaving = true;
    await this.session.logout().finally(() => (this.#leaving = false));
  }

  /** Asks what the user is on the server. Where that is not known, it stays what it was. */
  async askServerRole(): Promise<void> {
    const { user } = this;
    if (!user || user.guest) return;
    const role = await this.loadServer().then((server) => server.role()).catch(() => undefined);
    if (role !== undefined && this.user === user) this.serverRole = role;
  }

  /** The address of the page with something appended, such as a link that is given to others. */
  address(path: string): string {
    return this.#base.href + path;
  }

  /**
   * The address within the page of a link to a room or a message of this server; undefined: the
   * link leads elsewhere.
   */
  within(href: string): string | undefined {
    if (!URL.canParse(href)) return undefined;
    const { origin, pathname, search, hash } = new URL(href);
    const here = origin === this.#base.origin && [this.#base.pathname, `${this.#base.pathname}index.html`].includes(pathname) && !search;
    return here && parseRoute(hash).page === 'room' ? hash : undefined;
  }

  /** Follows an address within the page, also where the page is there already. */
  follow(hash: string): void {
    if (location.hash === hash) this.route = parseRoute(hash);
    else this.navigation.go(hash);
  }

  toast(text: string): Toast {
    const toast = { key: this.#toastCount++, text };
    this.toasts = [...this.toasts.slice(-2), toast];
    setTimeout(() => (this.toasts = this.toasts.filter((t) => t !== toast)), toastFor);
    return toast;
  }

  /** Takes away what is kept in this browser of somebody who has logged out. */
  async #forget(): Promise<void> {
    const [device, offline] = await Promise.all([import('../notify/device.ts'), import('../offline/offline-chat.ts')]);
    await Promise.allSettled([device.forget(), offline.clearOfflineChats(this.#base.pathname)]);
  }

  #userChanged(user: User | undefined): void {
    if (this.user && this.user.id !== user?.id) void this.#forget().catch(() => undefined);
    this.notifier?.close();
    this.#offlineSaver?.close();
    this.notifier = this.#offlineSaver = this.#offlineChat = undefined;
    this.chat?.close();
    this.chat = undefined;
    this.dialog = undefined;
    if (this.user && !user && !this.#leaving) this.ended = m.youWereLoggedOutPleaseLogInAgain();
    this.user = user;
    this.serverRole = '';
    if (!user) return;
    this.visitor.remember();
    this.ended = undefined;
    const client = new Client({
      api: this.#api, session: this.session, environment: this.#environment,
      url: new URL('v1/ws', this.#base).href.replace(/^http/, 'ws'),
      device: matchMedia('(pointer: coarse) and (max-width: 720px)').matches ? 'phone' : 'web',
      stores: { outbox: outboxStore(`hubbub.outbox.${user.id}`), reads: readsStore(`hubbub.reads.${user.id}`) },
    });
    client.on('started', (lists) => {
      if (lists) this.serverRole = lists.role;
      else void this.askServerRole();
    });
    this.chat = new Chat(client);
    const { chat } = this;
    /** The rooms that the user was taken out of: what they are called, and where that was told. */
    const left = new Map<string, { readonly name: string | undefined; readonly toast: Toast | undefined }>();
    const ended = (room: string, text: string) => {
      if (this.route.page !== 'room' || this.route.room !== room) return this.toast(text);
      chat.ended = { room, text }; // stands where the messages stood
      return undefined;
    };
    /** Rooms of which the user was told why, before that. */
    const why = new Set<string>();
    client.on('removed', ({ room, name, by }) => why.delete(room) || left.set(room, { name, toast: ended(room, removedText(client.people.name(by), name)) }));
    client.on('moderated', (e) => {
      const room = e.target ?? '';
      const before = left.get(room);
      const text = ownActText(e, user.id, client.rooms.get(room)?.info.name ?? before?.name);
      if (e.act !== 'ban' && e.act !== 'remove' && e.act !== 'delete') return void this.toast(text);
      if (!before && client.rooms.has(room)) why.add(room);
      // It says more of the same.
      if (before) this.toasts = this.toasts.filter((t) => t !== before.toast);
      ended(room, text);
    });
  }
}

/** The app of the component tree. */
export const [getApp, setApp] = createContext<App>();
