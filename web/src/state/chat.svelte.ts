import { m } from '../lang/language.svelte.ts';
import type {
  SystemEvent, Client, ConnectionState, History, Members, Message, Name, NoticeEvent, RoomInfo, Online, Outgoing, PageQuery, Role, Room, StartLists, Status,
} from '../client/index.ts';
import { nobody, shownInRoom } from '../client/index.ts';
import { describe } from '../lang/describe.ts';
import { mentioned } from '../text/mention.ts';
import { PendingChanges } from './pending-changes.ts';
import { Drafts } from './drafts.svelte.ts';
import { ConnectionBanner } from './connection-banner.svelte.ts';
import { RoomPreferences } from './room-preferences.svelte.ts';
import { OfflineMessages } from './offline-messages.ts';
import { OwnEmoji } from './own-emoji.svelte.ts';
import { Saved } from './saved.svelte.ts';
import { MentionResolver } from './mention-resolver.svelte.ts';
import type { RoomItem } from './roomitem.ts';
import { RoomList } from './roomlist.ts';
import { StatusPreference } from './status-preference.ts';
import { RequestsAndBlocks } from './requests-and-blocks.svelte.ts';
import { Threads } from './threads.svelte.ts';

export type { RoomItem } from './roomitem.ts';

/**
 * The room that is looked at. It is one object for as long as the room is open, and each field says
 * by itself when it changes: what shows one of them is not drawn anew for another.
 */
export class RoomView {
  readonly id: string;
  name = $state('');
  topic = $state('');
  private = $state(false);
  direct = $state(false);
  /** It is a direct room of several people. */
  group = $state(false);
  role = $state<Role>('');
  /** The id of the other person in a direct room. */
  other = $state<string>();
  /** What is shown, oldest first. */
  messages = $state.raw<readonly Message[]>([]);
  /** The newest messages, which are others than those that are shown if `parted`. */
  newest = $state.raw<readonly Message[]>([]);
  /** The reader is so far back that what follows is not held: it has to be loaded. */
  readingPast = $state(false);
  /** What messages answer that are not shown, by name; undefined: what there is not. */
  quotes = $state.raw<ReadonlyMap<string, Message | undefined>>(new Map());
  outgoing = $state.raw<readonly Outgoing[]>([]);
  history = $state<History>('none');
  hasOlder = $state(false);
  live = $state(false);
  refused = $state<string>();
  /** What was done and happened in the room. */
  systemEvents = $state.raw<readonly SystemEvent[]>([]);
  /** Seconds between two messages of the user; 0: any number. */
  slow = $state(0);
  announce = $state('');
  archived = $state(false);
  /** What messages said before they were edited is shown. */
  versions = $state(true);
  /** The user's role and account may write there, and react; a mute is another matter. */
  canWrite = $state(false);
  canReact = $state(false);
  muted = $state.raw<RoomInfo['muted']>();
  /** Of a direct room: the other has yet to accept it. */
  waiting = $state(false);
  /** How long messages are kept; undefined: forever. */
  retention = $state.raw<RoomInfo['kept']>();

  constructor(id: string) {
    this.id = id;
  }
}

/** Where the reader is to be taken. */
export interface ScrollTarget {
  /** To the message with this seq; where there is none, to its place. */
  readonly seq: number;
  /** It was asked for: it is shown as what was found, and a message that is gone is told of. */
  readonly found: boolean;
  readonly thread?: Name | undefined; // that it stands in, and not in the room
}

export interface LocalNotice {
  readonly key: string;
  readonly notice: NoticeEvent;
}

/** Whether somebody with a role looks after a room. */
export const canModerate = (role: Role): boolean => role === 'moderator' || role === 'owner';

const noMembers: Members = { list: [], more: false };

/**
 * The chat as Svelte sees it: what the client knows, copied into reactive fields. Changes are
 * gathered for one frame, so that a thousand messages in a second cost sixty updates.
 */
export class Chat {
  readonly client: Client;
  readonly drafts: Drafts;
  readonly connectionBanner = new ConnectionBanner();
  readonly requestsAndBlocks: RequestsAndBlocks;
  readonly roomPreferences: RoomPreferences;
  readonly threads: Threads;
  readonly saved: Saved;
  readonly emoji: OwnEmoji;
  readonly mentionResolver = new MentionResolver(this);
  readonly offlineMessages = new OfflineMessages();
  readonly pendingChanges: PendingChanges;
  connection = $state.raw<ConnectionState>({ kind: 'idle' });
  /** Has been online since the page was opened. */
  wasOnline = $state(false);
  listed = $state(false);
  rooms = $state.raw<readonly RoomItem[]>([]);
  view = $state.raw<RoomView | undefined>(undefined);
  online = $state.raw<Online>(nobody);
  typing = $state.raw<readonly string[]>([]);
  members = $state.raw<Members>(noMembers);
  notices = $state.raw<readonly LocalNotice[]>([]);
  loadingOlder = $state(false);
  olderFailed = $state(false);
  loadingNewer = $state(false);
  newerFailed = $state(false);
  /** What the room opens at is on its way: nothing is shown or read before. */
  opening = $state(false);
  /** Messages that the reader is taken to are on their way. */
  navigating = $state(false);
  /** Where the reader is to be taken: it is here, and the timeline takes it from here. */
  scrollTarget = $state.raw<ScrollTarget>();
  /** The seq of the mention that the reader was taken to last. */
  mentioned: number | undefined;
  /** Why the reader was not taken there, for a person. */
  problem = $state.raw<{ readonly text: string }>();
  /** The divider stands before what follows this seq. */
  newAfter = $state.raw<number | undefined>(undefined);
  /** The seq of the first message after it, where it is known. */
  newFrom = $state.raw<number>();
  status = $state<Exclude<Status, 'offline'>>('online');
  /** What guests may do here; undefined: the user is none, or nothing was taken from them. */
  #guestMay = $state.raw<readonly string[]>();
  /** Why the user is in the open room no more. */
  ended = $state.raw<{ readonly room: string; readonly text: string }>();
  /** How many messages the user has sent here. */
  sentCount = $state(0);
  readonly #preference: StatusPreference;

  #active: string | undefined;
  /** The divider of the room that was opened is where it belongs. */
  #dividerPlaced = false;
  /** What stands around it is here, or has been asked for. */
  #openingLoaded = false;
  /** The message that the room is opened at, before it is looked for. */
  #openAtSeq: number | undefined;
  /**
   * The open room has messages that the user has marked as unread, and is not read on by itself.
   */
  #keptUnread = false;
  #frame: ReturnType<typeof setTimeout> | undefined;
  readonly #off: (() => void)[];
  #noticeCount = 0;
  readonly #list: RoomList;

  readonly #shared: boolean;

  /** `shared`: the client is others', too, and is started and stopped by whoever made it. */
  constructor(client: Client, shared = false) {
    this.client = client;
    this.#shared = shared;
    this.#list = new RoomList(client, `hubbub.order.${client.me.id}`, (id) => this.#item(id));
    this.drafts = new Drafts(`hubbub.drafts.${client.me.id}`, () => this.#scheduleRefresh());
    // Before the client starts: who has chosen to be invisible is not to be seen for a moment.
    this.#preference = new StatusPreference(`hubbub.status.${client.me.id}`, (status) => this.#show(status));
    this.#show(this.#preference.status);
    this.requestsAndBlocks = new RequestsAndBlocks(client, () => this.#scheduleRefresh());
    this.threads = new Threads(client);
    this.roomPreferences = new RoomPreferences(client.preferences, () => this.#scheduleRefresh());
    this.pendingChanges = new PendingChanges(client, `hubbub.acts.${client.me.id}`, (err) => (this.problem = { text: m.aChangeNotSaved({ why: describe(err) }) }));
    this.saved = new Saved(client);
    this.emoji = new OwnEmoji(client);
    const touch = (room: string) => this.#scheduleRefresh(room);
    this.#off = [
      client.on('state', (s) => this.#connectionChanged(s)),
      client.on('started', (lists) => void this.#started(lists)),
      client.on('rooms', () => this.#scheduleRefresh()),
      client.on('room', touch), client.on('online', touch), client.on('typing', touch),
      client.on('members', (room) => room === this.#active && void this.#loadMembers()),
      client.on('notice', (notice) => this.#noticed(notice)),
    ];
    if (shared) this.#connectionChanged(client.state);
    else client.start();
  }

  /** Whether the kind of the user's account may do an action of docs/roles.md. */
  may(action: string): boolean {
    return !this.client.me.guest || (this.#guestMay?.includes(action) ?? true);
  }

  close(): void {
    for (const off of this.#off) off();
    clearTimeout(this.#frame);
    this.connectionBanner.close();
    this.pendingChanges.close();
    this.#list.close();
    this.requestsAndBlocks.close();
    this.roomPreferences.close();
    this.threads.close();
    this.saved.close();
    this.drafts.close();
    this.#preference.close();
    this.client.focus(undefined, this);
    if (!this.#shared) this.client.stop();
  }

  /** The number of rooms with something new; muted ones count if the user is mentioned. */
  get unreadRooms(): number {
    return this.rooms.filter((r) => r.unread.count > 0 && (r.mentioned || !this.roomPreferences.muted.has(r.id))).length;
  }

  /** Shows a room, or none; `seq`: at this message. */
  open(room: string | undefined, seq?: number): void {
    if (room === this.#active) {
      if (seq === undefined || room === undefined) return;
      if (this.view?.history === 'loaded') void this.goTo(seq);
      else this.#openAtSeq = seq;
      return;
    }
    this.ended = undefined;
    if (this.#active !== undefined) this.#list.touch(this.#active); // its draft is shown from now on
    this.#active = room;
    this.client.focus(room, this);
    this.members = noMembers;
    this.notices = [];
    this.olderFailed = this.newerFailed = false;
    this.newAfter = undefined;
    this.#dividerPlaced = this.#openingLoaded = this.#keptUnread = this.navigating = false;
    this.#openAtSeq = seq;
    this.opening = seq !== undefined;
    this.scrollTarget = this.problem = undefined;
    this.#refresh();
    if (room !== undefined && this.client.rooms.has(room)) void this.#loadMembers();
  }

  /** Puts the divider before what is new, if anything is. */
  placeDivider(): void {
    const room = this.#active;
    if (room === undefined) return;
    const { count, first } = this.client.unread(room);
    if (count === 0) return;
    this.newAfter = this.client.reads.mine(room);
    this.newFrom = first;
  }

  /** The user has seen everything in the open room. */
  markSeen(): void {
    if (this.opening || this.#keptUnread) return;
    const room = this.#room;
    const newest = room?.live ? room.log.messages.at(-1) : undefined;
    // What the view has not yet, nobody has seen; and where the room opens is not known before that.
    if (this.view?.id !== room?.id || this.view?.newest.at(-1)?.seq !== newest?.seq) return;
    // What counts and is not shown here, a mention in a thread, is behind it.
    if (room && newest) this.client.reads.mark(room.id, this.client.unread(room.id).mentions > 0 ? Math.max(newest.seq, room.log.through) : newest.seq);
  }

  /**
   * Marks a message, and what follows, as unread: until the room is opened again it is not read.
   */
  async markUnread(message: Message): Promise<void> {
    this.#keptUnread = true;
    await this.client.markUnread(message.room, message.seq);
    if (message.room !== this.#active) return;
    this.newAfter = this.client.reads.mine(message.room);
    this.newFrom = undefined;
  }

  /** Marks everything as read, in all rooms. */
  async markAllRead(): Promise<void> {
    this.newAfter = undefined;
    this.#keptUnread = false;
    await this.client.markRead();
  }

  /** Takes the reader to a message, however far away it is. */
  goTo(seq: number): Promise<void> {
    return this.#navigate(async (room) => (await room.showMessage(seq), seq), true);
  }

  /** Takes the reader to the first message that is new to them. */
  goToUnread(): Promise<void> {
    const { newAfter } = this;
    if (newAfter === undefined) return Promise.resolve();
    const seq = this.newFrom ?? newAfter + 1;
    return this.#navigate(async (room) => (await room.showMessage(seq), seq), false);
  }

  /**
   * Takes the reader to the first message of a time or later, UTC ms; there may be none so late.
   */
  goToTime(at: number): Promise<void> {
    return this.#find({ at: Math.max(1, Math.floor(at)) }, m.thereIsNoMessageYet());
  }

  /** Takes the reader to the first message after a seq that mentions them. */
  goToMention(after: number): Promise<void> {
    return this.#find({ mention: Math.max(1, after) }, m.noFurtherMessageMentionsYou());
  }

  #find(query: PageQuery, none: string): Promise<void> {
    return this.#navigate(async (room) => {
      const seq = await room.showFound(query);
      if (query.mention !== undefined) this.mentioned = seq;
      if (seq === undefined && this.#active === room.id) this.problem = { text: none };
      return seq;
    }, query.mention !== undefined);
  }

  /** Takes the reader where `way` leads in the open room, unless they leave it meanwhile. */
  async #navigate(way: (room: Room) => Promise<number | undefined>, found: boolean): Promise<void> {
    const room = this.#room;
    if (!room) return;
    this.navigating = true;
    let goal: ScrollTarget | undefined;
    try {
      const seq = await way(room);
      if (seq !== undefined) goal = { seq, found, thread: room.foundIn };
    } catch (err) {
      if (this.#active === room.id) this.problem = { text: m.partNotShown({ why: describe(err) }) };
    }
    if (this.#active !== room.id) return;
    this.navigating = this.opening = false;
    this.#refresh();
    if (goal) this.scrollTarget = goal;
  }

  /** Loads what stands around what the room is opened at, where it is not here. */
  #loadAroundOpening(): void {
    const room = this.#room;
    if (!room || this.#openingLoaded) return;
    if (this.#openAtSeq !== undefined) {
      if (room.history !== 'loaded' && room.history !== 'failed' && room.refused === undefined) return;
      const seq = this.#openAtSeq;
      this.#openAtSeq = undefined;
      this.#openingLoaded = true;
      void this.goTo(seq);
      return;
    }
    if (this.newAfter === undefined || room.history !== 'loaded') return;
    this.#openingLoaded = true;
    const begin = room.log.shown[0]?.seq ?? 0;
    if (!room.hasOlder || begin <= this.newAfter) return;
    this.opening = true;
    room.showAround(this.client.unread(room.id).first ?? this.newAfter + 1)
      .catch(() => undefined) // then at the end, with what is here
      .finally(() => {
        if (this.#active !== room.id) return;
        this.opening = false;
        this.#refresh();
      });
  }

  /**
   * Lets go of messages of the open room that the reader is far from: of old ones, or of those that
   * are far from the one with this seq. They can be loaded again.
   */
  trimMessages(seq?: number): void {
    const room = this.#room;
    if (!room) return;
    if (seq === undefined) room.trim();
    else room.trimAround(seq);
    this.#scheduleRefresh(room.id);
  }

  /** Shows the newest messages, however far back the reader was. */
  showNewest(): void {
    const room = this.#room;
    if (!room?.log.past) return;
    room.showNewest();
    this.newerFailed = false;
    this.#refresh();
  }

  send(text: string, replyTo?: Name): void {
    if (this.#active === undefined) return;
    this.newAfter = undefined;
    this.showNewest();
    this.sentCount++;
    this.client.send(this.#active, text, replyTo);
    this.drafts.set(this.#active, '');
  }

  /** Sends an answer in a thread of the open room. */
  sendInThread(text: string, root: Name, broadcast: boolean, replyTo?: Name): void {
    if (this.#active === undefined) return;
    if (broadcast) {
      this.newAfter = undefined;
      this.showNewest();
      this.sentCount++;
    }
    this.client.send(this.#active, text, replyTo, { root: { user: root.user, id: root.id }, broadcast });
  }

  /** Keeps what was begun in the open room. The list shows it once another is open. */
  setDraft(room: string, text: string): void {
    this.drafts.set(room, text);
    if (room !== this.#active) this.#scheduleRefresh(room);
  }

  setStatus(status: Exclude<Status, 'offline'>): void {
    this.#preference.choose(status);
    this.#show(status);
  }

  #show(status: Exclude<Status, 'offline'>): void {
    this.status = status;
    this.client.setStatus(status);
  }

  async loadOlder(): Promise<void> {
    const room = this.#room;
    if (!room || this.loadingOlder) return;
    this.loadingOlder = true;
    this.olderFailed = false;
    try {
      await room.loadOlder();
    } catch {
      this.olderFailed = room.id === this.#active;
    } finally {
      this.loadingOlder = false;
    }
  }

  /** Loads what follows what is shown, where the reader is far back. */
  async loadNewer(): Promise<void> {
    const room = this.#room;
    if (!room || this.loadingNewer) return;
    this.loadingNewer = true;
    this.newerFailed = false;
    try {
      await room.loadNewer();
    } catch {
      this.newerFailed = room.id === this.#active;
    } finally {
      this.loadingNewer = false;
    }
  }

  dismissNotice(key: string): void {
    this.notices = this.notices.filter((n) => n.key !== key);
  }

  async #started(lists: StartLists | undefined): Promise<void> {
    if (!this.client.me.guest) return;
    try {
      this.#guestMay = lists ? lists.guestMay : (await this.client.directory.admissionPolicy()).guestMay;
      this.#scheduleRefresh();
    } catch {
      // Then the server says no when it is tried.
    }
  }

  #connectionChanged(state: ConnectionState): void {
    this.connection = state;
    this.connectionBanner.changed(state);
    if (state.kind === 'online') this.wasOnline = true;
    this.#scheduleRefresh();
  }

  #noticed(notice: NoticeEvent): void {
    if (notice.room !== this.#active) return;
    this.notices = [...this.notices, { key: `notice-${this.#noticeCount++}`, notice }];
  }

  async #loadMembers(): Promise<void> {
    const room = this.#active;
    if (room === undefined) return;
    try {
      const members = await this.client.directory.members(room);
      for (const m of members.list) this.client.people.setName(m.user, m.name);
      if (room === this.#active) this.members = members;
    } catch {
      // The panel then lists who is online, which does not need the directory.
    }
  }

  /** Notes what changed: one room, or with no name everything. */
  #scheduleRefresh(room?: string): void {
    this.#list.touch(room);
    this.#frame ??= setTimeout(() => {
      this.#frame = undefined;
      this.#refresh();
    }, 16);
  }

  #refresh(): void {
    const { client } = this;
    const arrived = this.#active !== undefined && this.view === undefined && client.rooms.has(this.#active);
    this.listed = client.listed;
    this.rooms = this.#list.refresh(this.rooms);
    this.view = this.#view();
    const room = this.#active;
    this.online = room === undefined ? nobody : client.people.online(room);
    this.typing = room === undefined ? [] : client.people.typing(room, client.ignored);
    if (this.view && !this.#dividerPlaced) {
      this.placeDivider();
      // What is new may still be on its way.
      this.#dividerPlaced = this.view.live || this.newAfter !== undefined;
    }
    this.#loadAroundOpening();
    this.#room?.findQuotes();
    this.#room?.findMentions();
    if (arrived) void this.#loadMembers(); // the address named a room before the rooms were known
  }

  #item(id: string): RoomItem {
    const { client } = this;
    const room = client.rooms.get(id)!;
    const outgoing = client.outbox.list(id);
    const unread = client.unread(id);
    const base = client.inbox.get(id);
    const [held] = client.deletedUsers.withCurrentNames(room.log.messages.slice(-1));
    // Before a room's own messages are here, the inbox says which one is the newest.
    const newest = held ?? (base?.last && { ...base.last, user: base.last.user }) ?? this.offlineMessages.of(room)?.at(-1);
    const here = shownInRoom(outgoing);
    const next = here.findLast((m) => m.state !== 'failed') ?? (newest ? undefined : here.at(-1));
    const other = this.#other(id);
    return {
      id, name: room.info.name, topic: room.info.topic, private: room.info.private, direct: room.info.direct, group: room.info.people !== undefined,
      archived: room.info.archived === true, unread,
      mentioned: unread.mentions > 0 || (base === undefined && client.unreadMessages(id).some((m) => mentioned(m.text, client.me.name))),
      last: next ? { text: next.text, name: client.me.name, mine: true, deleted: false, ts: Math.max(next.ts, newest?.ts ?? 0) }
        : newest && { text: client.ignored.has(newest.user) ? m.hiddenMessage() : newest.text, name: newest.name, mine: newest.user === client.me.id, deleted: newest.deleted === true, ts: newest.ts },
      failed: outgoing.some((m) => m.state === 'failed'),
      unsent: outgoing.some((m) => m.state !== 'sent'),
      draft: id !== this.#active && this.drafts.get(id) !== '',
      moved: Math.max(next?.ts ?? 0, newest?.ts ?? 0, room.info.since ?? 0),
      other,
      status: other === undefined ? undefined : client.people.status(id, other),
      typing: client.people.typing(id, client.ignored).length > 0,
    };
  }

  #other(id: string): string | undefined {
    const room = this.client.rooms.get(id)!;
    return room.info.direct ? room.info.with : undefined;
  }

  /** The room that is open, if it is known. */
  get #room(): Room | undefined {
    return this.#active === undefined ? undefined : this.client.rooms.get(this.#active);
  }

  #view(): RoomView | undefined {
    const room = this.#room;
    if (!room) return undefined;
    const view = this.view?.id === room.id ? this.view : new RoomView(room.id);
    const { info, log } = room;
    const guard = canModerate(info.role);
    const voice = info.role !== 'reader' && info.archived !== true;
    const before = this.offlineMessages.of(room);
    const newest = this.pendingChanges.applyTo(room.id, before ?? this.client.deletedUsers.withCurrentNames(log.messages));
    const now: Omit<RoomView, 'id'> = {
      name: info.name, topic: info.topic, private: info.private, direct: info.direct, group: info.people !== undefined, role: info.role, other: this.#other(room.id),
      messages: log.past ? this.client.deletedUsers.withCurrentNames(log.past) : newest, newest, readingPast: log.past !== undefined, quotes: log.quotes,
      outgoing: shownInRoom(this.client.outbox.list(room.id)),
      history: room.history, hasOlder: room.hasOlder, live: room.live, refused: room.refused, waiting: info.waiting === true,
      systemEvents: log.systemEvents, slow: guard ? 0 : (info.slow ?? 0), announce: info.announce ?? '', archived: info.archived === true, versions: info.versions !== false, muted: info.muted, retention: info.kept,
      canWrite: voice && this.may('send') && (guard || !info.announce), canReact: voice && this.may('react') && (guard || info.announce !== 'silent'),
    };
    return Object.assign(view, now);
  }
}
