import type { Api, RoomInfo, Rules, StartLists, User } from './api.ts';
import { catchUp } from './catchup.ts';
import { Connection, timings as defaultTimings, type ConnectionState, type Socket, type Timings } from './connection.ts';
import { DeletedUsers, deletedUserName } from './deleted-users.ts';
import { Directory, type RoomPatch } from './directory.ts';
import { Emitter } from './emitter.ts';
import type { Environment } from './environment.ts';
import { hasCode } from './errors.ts';
import { newID, userRoom } from './id.ts';
import { requestWithRetry } from './request-with-retry.ts';
import { ViewedRooms } from './viewed-rooms.ts';
import { MyRooms } from './myrooms.ts';
import { type InThread, Outbox, type OutboxStore } from './outbox.ts';
import { RateLimiter } from './rate-limiter.ts';
import { People } from './people.ts';
import { Preferences } from './preferences.ts';
import type {
  HistoryEvent, Limits, LogEvent, ModeratedEvent, Name, NoticeEvent, ServerEvent, Status, UnknownLogEvent, WelcomeEvent,
} from './protocol.ts';
import { FollowedThreads } from './followed-threads.ts';
import { Inbox, inboxRooms, type InboxRoom } from './inbox.ts';
import { Reads, type ReadsStore } from './reads.ts';
import { UnreadRecounts } from './unread-recounts.ts';
import { RetentionChecks } from './retention-checks.ts';
import { Room } from './room.ts';
import { withRetention, withRules } from './rules.ts';
import type { Message } from './roomlog.ts';
import type { Credentials } from './session.ts';
import { type Unread, unreadOf } from './unread.ts';
import { Watches } from './watches.ts';

export interface ClientOptions {
  readonly api: Api;
  /** Somebody must be logged in while the client runs. */
  readonly session: Credentials;
  /** The only rooms that are followed, of those that the user is in; default: all. It may grow. */
  readonly only?: ReadonlySet<string>;
  /** The address of the WebSocket, such as wss://chat.example.org/v1/ws. */
  readonly url: string;
  readonly device: 'web' | 'phone' | 'desktop' | 'bot';
  readonly environment: Environment;
  readonly stores: { readonly outbox: OutboxStore; readonly reads: ReadsStore };
  /** Default: the platform's WebSocket. */
  readonly socket?: (url: string) => Socket;
  readonly timings?: Partial<Timings>;
}

interface Events {
  state: ConnectionState;
  /**
   * What is shown at the start, once on each connection; undefined: the server is of an earlier
   * release, and is asked for each.
   */
  started: StartLists | undefined;
  /** Rooms came, went or were renamed. */
  rooms: undefined;
  /** What the named room shows has changed: messages, those on their way, history, unread count. */
  room: string;
  /** An entry of a room's log was taken in: each once, and in order. */
  entry: { readonly room: string; readonly entry: LogEvent | UnknownLogEvent };
  /** Who is online in the named room has changed. */
  online: string;
  /** Who is typing in the named room has changed. */
  typing: string;
  /** The members of the named room have changed. */
  members: string;
  /** A list of the user's, such as requests, has changed. */
  changed: string;
  /** Somebody has taken the user out of a room; `name`: of the room, as far as it was known. */
  removed: { readonly room: string; readonly name: string | undefined; readonly by: string };
  /** The server tells something to this client alone. */
  notice: NoticeEvent;
  /** Those who look after a room or the server have done something that concerns the user. */
  moderated: ModeratedEvent;
}

/** How many messages are kept of a room that is not open. */
const restAt = 300;
/**
 * The least time between two `typing` commands, ms, and between a sent message and the next
 * `typing`: the server ignores earlier ones.
 */
const typingEvery = 3_000;
const typingAfterSend = 1_000;
/** How many direct rooms are watched for the status of the other user. */
const watchedDirects = 30;

/**
 * A user's chat: all their rooms over one connection that heals itself. Messages arrive once, in
 * order and without holes; what is sent is sent once, and in order. It draws nothing and knows no
 * framework: listen to its events, and read what changed.
 */
export class Client extends Emitter<Events> {
  readonly directory: Directory;
  readonly preferences: Preferences;
  readonly outbox: Outbox;
  readonly people = new People();
  readonly deletedUsers: DeletedUsers;
  readonly reads: Reads;
  readonly inbox = new Inbox();
  readonly followedThreads: FollowedThreads;
  readonly #rooms: MyRooms;
  readonly #connection: Connection;
  readonly #o: ClientOptions;
  readonly #me: User;
  readonly #watches: Watches;
  readonly #timings: Timings;
  #refresh: ReturnType<typeof setInterval> | undefined;
  readonly #typed = new Map<string, number>();
  readonly #viewed = new ViewedRooms();
  /** Ids of those whose messages are no news to the user. */
  ignored: ReadonlySet<string> = new Set();
  #limits: Limits | undefined;
  readonly #unreadRecounts: UnreadRecounts;
  readonly #retentionChecks: RetentionChecks;
  #bulkRate = new RateLimiter(0, 0);
  #status: Exclude<Status, 'offline'> = 'online';

  constructor(options: ClientOptions) {
    super();
    const me = options.session.user;
    if (!me) throw new Error('a client needs somebody who is logged in');
    this.#o = options;
    this.#timings = { ...defaultTimings, ...options.timings };
    this.#me = me;
    this.directory = new Directory(options.api, options.session);
    this.preferences = new Preferences(this.directory);
    this.followedThreads = new FollowedThreads(this.directory, { me: me.id, environment: options.environment, ignored: () => this.ignored, through: (room) => this.inbox.get(room)?.through ?? 0 });
    this.people.setName(me.id, me.name);
    this.deletedUsers = new DeletedUsers(
      me.id,
      (users) => options.session.call((token) => options.api.deleted(token, users)),
      (gone) => {
        for (const user of gone) this.people.setName(user, deletedUserName);
        this.emit('rooms', undefined);
      },
    );
    this.#connection = new Connection({
      url: options.url,
      device: options.device,
      socket: options.socket ?? ((url) => new WebSocket(url)),
      environment: options.environment,
      timings: this.#timings,
      token: (fresh) => options.session.token(fresh),
    });
    this.outbox = new Outbox({
      send: (command) => this.#connection.request(command),
      ready: (room) => this.state.kind === 'online' && this.rooms.get(room)?.live === true,
      heard: (room, seq) => seq <= (this.rooms.get(room)?.log.through ?? 0),
      notJoined: (room) => void this.rooms.get(room)?.sync(),
      environment: options.environment,
      store: options.stores.outbox,
    });
    this.reads = new Reads(options.stores.reads, (room, seq) => this.#connection.send({ type: 'read', room, seq }));
    this.#watches = new Watches({
      request: (command) => this.#connection.request(command),
      tell: (command) => this.#connection.send(command),
      asked: (room) => this.people.asked(room),
      listed: (who, from) => this.people.applyList(who, from, this.#o.environment.now()),
      unwatched: (room) => this.people.unwatched(room),
    });
    this.#rooms = new MyRooms({
      directory: this.directory,
      reads: this.reads,
      inbox: this.inbox,
      news: () => this.#fetchInbox(),
      environment: options.environment,
      make: (info) => this.#room(info),
      started: (lists) => {
        if (lists?.preferences) this.preferences.update(lists.preferences);
        this.emit('started', lists);
      },
      changed: () => {
        for (const room of this.rooms.values()) this.#startReading(room);
        this.emit('rooms', undefined);
      },
      sync: (current) => catchUp(this.rooms.values(), () => this.#viewed.last, this.#bulkRate, () => options.environment.now(), current),
      gone: (id) => this.#gone(id),
      ...(options.only && { only: options.only }),
    });
    this.#retentionChecks = new RetentionChecks(() => [...this.#viewed.all].flatMap((id) => this.rooms.get(id) ?? []), () => options.environment.random());
    this.#unreadRecounts = new UnreadRecounts({
      inbox: this.inbox,
      online: () => this.state.kind === 'online',
      renew: () => void this.#rooms.renew(),
      ask: async (room) => (await this.#connection.request({ type: 'inbox', room })).rooms,
      read: (room) => this.reads.mine(room),
    });
    this.#connection.on('state', (state) => this.#stateChanged(state));
    this.#connection.on('welcome', (welcome) => this.#welcomed(welcome));
    this.#connection.on('event', (e) => this.#event(e));
    for (const changing of [this.outbox, this.inbox]) changing.on('change', (room) => this.emit('room', room));
    this.reads.on('change', (room) => (this.#unreadRecounts.recountMentions(room), this.emit('room', room)));
    this.directory.on('members', (room) => this.emit('members', room));
    for (const what of ['online', 'typing'] as const) this.people.on(what, (room) => this.emit(what, room));
  }

  /** Shows a room that the user has just been let into, and returns it when it is live. */
  admit(info: RoomInfo): Promise<Room> {
    return this.#rooms.admit(info);
  }

  /** Shows rooms as they were when the page was last here, until the server says which there are. */
  readonly showOfflineRooms = (rooms: readonly RoomInfo[]): void => this.#rooms.showOffline(rooms);

  /** Who this client is. */
  get me(): User {
    return this.#me;
  }
  get state(): ConnectionState {
    return this.#connection.state;
  }
  /** The user's rooms by id. */
  get rooms(): ReadonlyMap<string, Room> {
    return this.#rooms.all;
  }
  /** The rooms are known; before that there may be more than none. */
  get listed(): boolean {
    return this.#rooms.listed;
  }
  /** The server's limits, once it has said them. */
  get limits(): Limits | undefined {
    return this.#limits;
  }
  /** What the user shows of themself. */
  get status(): Exclude<Status, 'offline'> {
    return this.#status;
  }

  /** Connects, and stays connected until stop. */
  start(): void {
    this.#connection.start();
    this.#retentionChecks.start();
    clearInterval(this.#refresh);
    this.#refresh = setInterval(() => (this.deletedUsers.recheckAll(), this.#refreshPeople()), this.#timings.people * (0.75 + 0.5 * this.#o.environment.random()));
  }

  /** Ends the connection; messages that were not sent stay in the store. */
  stop(): void {
    clearInterval(this.#refresh);
    this.#unreadRecounts.close();
    this.#retentionChecks.close();
    this.followedThreads.close();
    this.reads.close();
    this.#connection.stop();
    this.#rooms.connectionLost();
    this.outbox.close();
    this.people.connectionLost();
    this.deletedUsers.close();
  }

  /** Connects at once, instead of waiting for the next attempt. */
  retryNow(): void {
    this.#connection.retryNow();
  }

  /**
   * Sends a message, now or as soon as there is a connection. It shows in `outbox` until its `msg`
   * event comes.
   */
  send(room: string, text: string, replyTo?: Name, into?: InThread): void {
    const typed = this.#typed.get(room);
    if (typed !== undefined) this.#typed.set(room, typed - typingEvery + typingAfterSend);
    this.outbox.add(room, text, replyTo, into);
  }

  /** Gives one of the user's own messages another text. */
  async edit(room: string, id: string, text: string): Promise<void> {
    await requestWithRetry(this.#connection, { type: 'edit', room, msg_id: newID(), target: id, author: this.#me.id, text });
  }
  async remove(room: string, message: Name): Promise<void> {
    await requestWithRetry(this.#connection, { type: 'delete', room, msg_id: newID(), target: message.id, author: message.user });
  }
  async react(room: string, message: Name, emoji: string, on: boolean): Promise<void> {
    await requestWithRetry(this.#connection, { type: 'react', room, msg_id: newID(), target: message.id, author: message.user, emoji, on });
  }
  async pin(room: string, message: Name, on: boolean): Promise<void> {
    await requestWithRetry(this.#connection, { type: 'pin', room, msg_id: newID(), target: message.id, author: message.user, on });
  }

  /** Returns a page of a thread: the newest answers, or those before a seq. */
  thread(room: string, root: Name, before?: number): Promise<HistoryEvent> {
    return this.#connection.request({ type: 'history', room, thread: { author: root.user, id: root.id }, limit: 50, ...(before !== undefined && { before }) });
  }

  /** The user is typing. Call it for every key: it limits what is sent. */
  typing(room: string): void {
    const now = this.#o.environment.now();
    if (now - (this.#typed.get(room) ?? -Infinity) < typingEvery) return;
    this.#typed.set(room, now);
    this.#connection.send({ type: 'typing', room });
  }

  /**
   * Lists more of those who are online in the room that is looked at: where very many are, nobody
   * is listed before.
   */
  async listPeople(room: string): Promise<void> {
    const { next } = this.people.online(room);
    if (next !== undefined) await this.#watches.list(room, next);
  }

  setStatus(status: Exclude<Status, 'offline'>): void {
    this.#status = status;
    this.#connection.send({ type: 'status', status });
  }

  /**
   * The user looks at this room, or at none: its people are watched, and it comes first after a
   * reconnect. Where several places show rooms of one client, each is a viewer of its own.
   */
  focus(room: string | undefined, viewer: object = this): void {
    if (this.#viewed.of(viewer) === room) return;
    const before = this.#viewed.view(viewer, room);
    if (before !== undefined) this.rooms.get(before)?.trim();
    const opened = room === undefined ? undefined : this.rooms.get(room);
    if (opened && this.state.kind === 'online') void opened.loadNewest();
    this.#refreshPeople(); // where it was watched before
    this.#watch();
  }

  /** The messages of others after the user's read position that are here, oldest first. */
  unreadMessages(id: string): readonly Message[] {
    const room = this.rooms.get(id);
    const read = this.reads.mine(id);
    if (!room || read === undefined) return [];
    const { messages } = room.log;
    const from = messages.findLastIndex((m) => m.seq <= read) + 1;
    return messages.slice(from).filter((m) => m.user !== this.#me.id && !m.deleted && !this.ignored.has(m.user));
  }

  /**
   * The unread messages of others: the server's count plus the messages since; without a count, the
   * loaded messages after the read position.
   */
  unread(id: string): Unread {
    const room = this.rooms.get(id);
    const read = this.reads.mine(id);
    if (!room || read === undefined) return { count: 0, more: false, mentions: 0 };
    return unreadOf(room, this.inbox, read, this.unreadMessages(id));
  }

  /** Marks a message and what follows in its room as unread, on all devices. */
  async markUnread(id: string, seq: number): Promise<void> {
    await this.directory.unread(id, seq);
    this.reads.markUnread(id, Math.min(this.reads.mine(id) ?? seq, seq - 1));
    await this.#rooms.renew();
  }
  /** Marks everything as read, in a room or in all, on all devices. */
  async markRead(id?: string): Promise<void> {
    await this.directory.readAll(id);
    await this.#rooms.renew();
  }

  async createRoom(name: string, topic: string, isPrivate: boolean): Promise<Room> {
    return this.#rooms.admit(await this.directory.create(name, topic, isPrivate));
  }
  async joinRoom(info: RoomInfo): Promise<Room> {
    await this.directory.join(info.id);
    return this.#rooms.admit(info);
  }
  /** Opens the direct room with a user. */
  async direct(user: User): Promise<Room> {
    const info = await this.directory.direct(user.id);
    return this.#rooms.admit({ ...info, direct: true, name: info.name || user.name });
  }
  /** Changes what an owner may change of a room. */
  async changeRoom(id: string, patch: RoomPatch): Promise<void> {
    const { name, topic, private: isPrivate } = await this.directory.change(id, patch);
    const room = this.rooms.get(id);
    if (!room) return;
    room.info = { ...room.info, name, topic, private: isPrivate };
    this.emit('rooms', undefined);
  }
  /** Sets who may write in a room, and how often. */
  async setRules(id: string, rules: Rules): Promise<void> {
    const { slow = 0, announce = '', guests = true, versions = true, kept } = await this.directory.setRules(id, rules);
    const room = this.rooms.get(id);
    if (!room) return;
    const { kept: _, ...rest } = room.info;
    room.info = { ...rest, slow, announce, guests, versions, ...(kept && { kept }) };
    this.emit('rooms', undefined);
  }
  async leave(room: string): Promise<void> {
    await this.directory.leave(room);
    this.#connection.send({ type: 'leave', room });
    this.#rooms.forget(room);
  }

  #stateChanged(state: ConnectionState): void {
    if (state.kind !== 'online') {
      this.#rooms.connectionLost();
      this.outbox.pause();
      this.reads.connectionLost();
      this.people.connectionLost();
      this.#watches.lost();
    }
    this.emit('state', state);
  }

  #welcomed(welcome: WelcomeEvent): void {
    this.#limits = welcome.limits;
    this.#bulkRate = new RateLimiter(welcome.limits.rate, this.#o.environment.now());
    this.deletedUsers.recheckAll();
    if (this.#status !== 'online') this.setStatus(this.#status);
    this.#rooms.welcomed();
  }

  /**
   * Fetches what is new in all rooms in a few frames; from a server of an earlier release over
   * HTTP.
   */
  async #fetchInbox(): Promise<readonly InboxRoom[] | undefined> {
    const all: InboxRoom[] = [];
    try {
      for (let next: string | undefined; ; ) {
        const page = await this.#connection.request({ type: 'inbox', ...(next !== undefined && { next }) });
        all.push(...inboxRooms(Array.isArray(page.rooms) ? page.rooms : []));
        if (next === undefined) this.followedThreads.take(page.threads, page.more_threads);
        if (typeof page.next !== 'string' || page.next === next) return all;
        next = page.next;
      }
    } catch (err) {
      if (!hasCode(err, 'unknown_command', 'bad_request')) throw err;
      return this.directory.inbox();
    }
  }

  #room(info: RoomInfo): Room {
    return new Room(info, {
      request: (command) => this.#connection.request(command),
      changed: (r) => this.#roomChanged(r),
      applied: (r, e) => this.#applied(r, e),
      quotes: (id, names) => this.directory.quotes(id, names),
      page: (id, query) => this.directory.page(id, query),
      live: (r) => {
        this.#roomChanged(r);
        this.outbox.resendAll(r.id);
        this.reads.resend(r.id);
        if (r.info.direct || this.#viewed.has(r.id)) this.#watch();
      },
    });
  }

  #roomChanged(room: Room): void {
    for (const m of this.outbox.list(room.id)) if (room.log.has(this.#me.id, m.id)) this.outbox.remove(room.id, m.id);
    this.outbox.resendMissing(room.id);
    this.#startReading(room);
    for (const m of room.log.messages.slice(-20)) this.people.setName(m.user, m.name);
    if (!this.#viewed.has(room.id) && room.log.messages.length > restAt) room.trim();
    this.emit('room', room.id);
  }

  /** Sets the first read position of a room: its start if others added the user, else its end. */
  #startReading(room: Room): void {
    if (!room.live || !this.#rooms.positioned || this.reads.mine(room.id) !== undefined) return;
    const fresh = room.info.direct || this.#rooms.wasOpened(room.id);
    this.reads.advanceFromServer(room.id, fresh ? 0 : Math.max(room.log.through, room.log.messages.at(-1)?.seq ?? 0));
  }

  #applied(room: Room, e: LogEvent | UnknownLogEvent): void {
    if (e.type === 'member' && (room.info.waiting || room.info.people)) void this.#rooms.relist(); // what it is called changes
    switch (e.type) {
      case 'msg':
        this.people.setName(e.user, e.name);
        this.people.stopTyping(room.id, e.user);
        if (e.user === this.#me.id) this.outbox.remove(room.id, e.id);
        break;
      case 'edited':
        this.inbox.changed(room.id, e.author ?? e.user, e.target, e.text);
        break;
      case 'deleted':
        // Whether a message that is not loaded was counted is unknown: ask again.
        this.inbox.changed(room.id, e.author ?? e.user, e.target, undefined);
        if (!room.log.has(e.author ?? e.user, e.target)) this.#unreadRecounts.recount(room.id);
        // The log had the message, although a replay leaves it out. Another user's message may have
        // the same id.
        if ((e.author ?? e.user) === this.#me.id) this.outbox.remove(room.id, e.target);
        break;
      case 'topic':
        if (room.info.direct) break; // it is called after the other, whatever the log says
        room.info = { ...room.info, name: e.name || room.info.name, topic: e.text };
        this.emit('rooms', undefined);
        break;
      case 'moderated':
        if (e.act === 'rules') room.info = withRules(room.info, e);
        else if (e.act === 'retention') {
          room.info = withRetention(room.info, e.text ?? '');
          this.#retentionChecks.start(true);
        } else if (e.act === 'guests' || e.act === 'no-guests') room.info = { ...room.info, guests: e.act === 'guests' };
        else if (e.act === 'versions' || e.act === 'no-versions') room.info = { ...room.info, versions: e.act === 'versions' };
        else if (e.act === 'archive' || e.act === 'restore') room.info = { ...room.info, archived: e.act === 'archive' };
        else break;
        this.emit('rooms', undefined);
        break;
      case 'mentioned':
        if (e.user !== this.#me.id && !this.ignored.has(e.user)) this.inbox.mentioned(room.id, e.at, e.on === true, e.thread !== undefined);
        break;
      case 'reset':
        this.reads.advanceFromServer(room.id, e.seq);
        this.inbox.emptied(room.id, e.seq);
        break;
      case 'member':
        if (e.member === this.#me.id && e.role) room.info = { ...room.info, role: e.role as RoomInfo['role'] };
        if (!e.role) this.deletedUsers.recheck(e.member);
        this.emit('members', room.id);
        break;
      default:
    }
    this.followedThreads.heard(room.id, e);
    this.emit('entry', { room: room.id, entry: e });
  }

  #event(e: ServerEvent): void {
    switch (e.type) {
      case 'typing':
        if (e.user !== this.#me.id) this.people.startTyping(e.room, e.user, e.name);
        return;
      case 'read':
        if (e.user === this.#me.id) this.#readElsewhere(e.room, e.seq);
        else this.reads.setReader(e.room, e.user, e.seq);
        return;
      case 'presence':
        if (this.#watches.has(e.room)) {
          const again = this.people.applyPresence(e, this.#o.environment.now());
          if (again) this.#watches.list(e.room, again.from).catch(() => undefined); // then after the next change
        }
        return;
      case 'notice':
        this.emit('notice', e);
        return;
      case 'invited':
        if (e.room === userRoom(this.#me.id)) this.#rooms.invited(e.target);
        return;
      case 'removed':
        if (e.room !== userRoom(this.#me.id)) return;
        if (e.user !== this.#me.id) this.emit('removed', { room: e.target, name: this.rooms.get(e.target)?.info.name, by: e.user });
        this.#rooms.removed(e.target);
        return;
      case 'moderated':
        // The directory knows what the user may do now; the events of rooms arrive in their own
        // logs.
        if (e.room === userRoom(this.#me.id)) {
          void this.#rooms.relist();
          this.emit('moderated', e);
        } else this.rooms.get(e.room)?.receive(e);
        return;
      case 'changed':
        if (e.room !== userRoom(this.#me.id)) return;
        if (e.target === 'inbox') void this.#rooms.renew();
        else if (e.target === 'threads') this.followedThreads.changed();
        else if (e.target === 'preferences') void this.preferences.renew().catch(() => undefined); // else the next welcome says it
        else this.emit('changed', e.target);
        return;
      case 'mentioned':
        if (e.room !== userRoom(this.#me.id)) this.rooms.get(e.room)?.receive(e);
        else if (e.target && !this.ignored.has(e.user)) {
          this.inbox.mentioned(e.target, e.at, e.on === true, e.thread !== undefined);
          if (e.thread && e.on) this.followedThreads.renewSoon(); // who is mentioned follows it
        }
        return;
      case 'joined': // unasked: the log of a room that is live was rewound
        if (!e.rewind) return;
        // The rewind may have lost invitations. In any other room, a join finds the point from
        // which the log differs.
        if (e.room === userRoom(this.#me.id)) void this.#rooms.relist();
        else void this.rooms.get(e.room)?.sync();
        return;
      default:
        if ('seq' in e && 'prev' in e) this.rooms.get(e.room)?.receive(e);
    }
  }

  /** The user has read a room on another device, perhaps messages that are not loaded here. */
  #readElsewhere(id: string, seq: number): void {
    const base = this.inbox.get(id);
    this.reads.advanceFromServer(id, seq);
    const first = this.rooms.get(id)?.log.messages[0]?.seq ?? Infinity;
    if (base && seq > base.read && seq < base.through && first > seq + 1) this.#unreadRecounts.recount(id);
  }

  #gone(id: string): void {
    this.outbox.list(id).forEach((m) => this.outbox.remove(id, m.id));
    this.#watches.forget(id);
    this.#typed.delete(id);
    this.reads.forget(id);
  }

  /** Fetches again who is online in the open rooms: presence events may be lost. */
  #refreshPeople(): void {
    for (const room of this.#viewed.all) {
      if (this.#watches.has(room) && this.people.complete(room)) this.#watches.list(room, undefined).catch(() => undefined);
    }
  }

  /** Watches who is online in the open rooms, and the other user of direct rooms. */
  #watch(): void {
    if (this.state.kind !== 'online') return;
    // Only a room that the socket has joined can be watched; the others follow when they are live.
    const live = [...this.rooms.values()].filter((r) => r.live);
    const wanted = new Set(live.filter((r) => r.info.direct).slice(0, watchedDirects).map((r) => r.id));
    for (const r of live) if (this.#viewed.has(r.id)) wanted.add(r.id);
    this.#watches.set(wanted);
  }
}
