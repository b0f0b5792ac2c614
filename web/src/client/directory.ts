import type { InboxRoom } from './inbox.ts';
import type {
  Api, Block, BlockKind, AdmissionPolicy, MessagePage, FoundRoom, Invitation, RestrictionKind, Restriction, Members, MessageRequest, PageQuery, Report, Role, RoomInfo, RoomSort, Rules, PurgeRange, Start, User, ReportOutcome,
} from './api.ts';
import type { StoredPreferences } from './preferences.ts';
import type { HistoryMessage } from './protocol.ts';
import { Emitter } from './emitter.ts';
import { hasCode } from './errors.ts';
import type { ReplyTarget } from './roomlog.ts';
import type { Credentials } from './session.ts';

/** What owners may change of a room. */
export type RoomPatch = Partial<Pick<RoomInfo, 'name' | 'topic' | 'private'>>;

/**
 * The directory for the user who is logged in: rooms, people, memberships. It keeps nothing; every
 * method asks the server, and rejects as Api does.
 */
export class Directory extends Emitter<{ members: string }> {
  readonly #api: Api;
  readonly #session: Credentials;

  constructor(api: Api, session: Credentials) {
    super();
    this.#api = api;
    this.#session = session;
  }

  /** Who may come in, and what guests may do. */
  admissionPolicy(): Promise<AdmissionPolicy> {
    return this.#api.admissionPolicy();
  }
  /**
   * Returns what a client shows at its start; from a server of an earlier release, only the rooms.
   */
  async start(): Promise<Start> {
    try {
      return await this.#session.call((token) => this.#api.start(token));
    } catch (err) {
      if (!hasCode(err, 'not_found')) throw err;
      return { rooms: await this.rooms() };
    }
  }
  /** Returns the public rooms and the user's, as the server lists them now. */
  rooms(): Promise<RoomInfo[]> {
    return this.#session.call((token) => this.#api.rooms(token));
  }
  /** Returns a room that is the user's or public; rejects with `not_found` for others. */
  room(room: string): Promise<FoundRoom> {
    return this.#session.call((token) => this.#api.room(token, room));
  }
  /**
   * Finds public rooms by a part of their name, a page at a time; the cursor is the `next` of the
   * page before.
   */
  publicRooms(q: string, sort: RoomSort, cursor?: string): Promise<{ list: FoundRoom[]; next?: string }> {
    return this.#session.call((token) => this.#api.publicRooms(token, q, sort, cursor));
  }
  /** Returns what is new in the user's rooms; undefined: the server does not say it. */
  inbox(): Promise<InboxRoom[] | undefined> {
    return this.#session.call((token) => this.#api.inbox(token));
  }
  /** Searches messages: `q`, and what else PROTOCOL.md names. readFound reads the answer. */
  search(query: URLSearchParams, signal?: AbortSignal): Promise<Record<string, unknown>> {
    return this.#session.call((token) => this.#api.search(token, query, signal));
  }
  /** Makes a request of any route, for what few need and is loaded when it is asked for. */
  request(method: string, path: string, payload?: object): Promise<Record<string, unknown>> {
    return this.#session.call((token) => this.#api.request(method, path, token, payload));
  }
  /** Returns the address of a path of the server, for what the browser loads by itself. */
  address(path: string): string {
    return this.#api.address(path);
  }
  /** Marks everything as read: in a room, or in all. */
  readAll(room?: string): Promise<void> {
    return this.#session.call((token) => (room === undefined ? this.#api.readAll(token) : this.#api.readRoom(token, room)));
  }
  /** Marks a message and what follows in its room as unread. */
  unread(room: string, seq: number): Promise<void> {
    return this.#session.call((token) => this.#api.unread(token, room, seq));
  }
  /** Returns the user's read positions by room. */
  reads(): Promise<Record<string, number>> {
    return this.#session.call((token) => this.#api.reads(token));
  }
  members(room: string): Promise<Members> {
    return this.#session.call((token) => this.#api.members(token, room));
  }
  /**
   * Adds somebody, or with a role gives it to somebody, who may be a member already; docs/roles.md
   * says who may. Returns true if they were invited, and are no member yet.
   */
  async addMember(room: string, user: string, role?: Exclude<Role, ''>): Promise<boolean> {
    const invited = await this.#session.call((token) => this.#api.addMember(token, room, user, role));
    this.emit('members', room);
    return invited;
  }
  /** Hides a direct room until the other writes again. */
  hide(room: string): Promise<void> {
    return this.#session.call((token) => this.#api.hide(token, room));
  }
  /** Returns the people who ask to write to the user, newest first. */
  requests(): Promise<{ list: MessageRequest[]; more: boolean }> {
    return this.#session.call((token) => this.#api.requests(token));
  }
  acceptRequest(room: string): Promise<RoomInfo> {
    return this.#session.call((token) => this.#api.acceptRequest(token, room));
  }
  refuseRequest(room: string): Promise<void> {
    return this.#session.call((token) => this.#api.refuseRequest(token, room));
  }
  /** Returns the newest messages of a room that the user is not in. */
  async glance(room: string): Promise<readonly HistoryMessage[]> {
    return (await this.#session.call((token) => this.#api.messages(token, room, { limit: 5 }))).messages;
  }
  /** Returns a page of a room's messages that only HTTP finds: by a time or by the next mention. */
  page(room: string, query: PageQuery): Promise<MessagePage> {
    return this.#session.call((token) => this.#api.messages(token, room, query));
  }
  /** Returns those of the named messages of a room that there are, their texts cut. */
  quotes(room: string, names: readonly ReplyTarget[]): Promise<HistoryMessage[]> {
    return this.#session.call((token) => this.#api.quotes(token, room, names));
  }
  invitations(): Promise<Invitation[]> {
    return this.#session.call((token) => this.#api.invitations(token));
  }
  acceptInvitation(room: string): Promise<RoomInfo> {
    return this.#session.call((token) => this.#api.acceptInvitation(token, room));
  }
  declineInvitation(room: string): Promise<void> {
    return this.#session.call((token) => this.#api.declineInvitation(token, room));
  }
  blocks(): Promise<Block[]> {
    return this.#session.call((token) => this.#api.blocks(token));
  }
  block(user: string, kind: BlockKind): Promise<void> {
    return this.#session.call((token) => this.#api.block(token, user, kind));
  }
  unblock(user: string): Promise<void> {
    return this.#session.call((token) => this.#api.unblock(token, user));
  }
  /** Ends another user's membership, for a reason that is told; for moderators and owners. */
  async removeMember(room: string, user: string, reason = ''): Promise<void> {
    await this.#session.call((token) => this.#api.removeMember(token, room, user, reason));
    this.emit('members', room);
  }
  /** Finds users by the beginning of their name. */
  findUsers(query: string): Promise<User[]> {
    return this.#session.call((token) => this.#api.users(token, query));
  }
  /** Returns when somebody who is offline was last connected, if that is known. */
  lastSeen(user: string): Promise<number | undefined> {
    return this.#session.call((token) => this.#api.lastSeen(token, user));
  }
  create(name: string, topic: string, isPrivate: boolean): Promise<RoomInfo> {
    return this.#session.call((token) => this.#api.createRoom(token, name, topic, isPrivate));
  }
  change(room: string, patch: RoomPatch): Promise<RoomInfo> {
    return this.#session.call((token) => this.#api.changeRoom(token, room, patch));
  }
  setRules(room: string, rules: Rules): Promise<RoomInfo> {
    return this.#session.call((token) => this.#api.setRules(token, room, rules));
  }

  /**
   * Lists who is muted in a room, or banned from it; for moderators and owners, as the next two
   * methods are.
   */
  restrictions(restriction: RestrictionKind, room: string): Promise<{ list: Restriction[]; more: boolean }> {
    return this.#session.call((token) => this.#api.restrictions(token, restriction, room));
  }

  async restrict(restriction: RestrictionKind, room: string, user: string, reason: string, minutes?: number): Promise<void> {
    await this.#session.call((token) => this.#api.restrict(token, restriction, room, user, reason, minutes));
    this.emit('members', room);
  }

  async liftRestriction(restriction: RestrictionKind, room: string, user: string): Promise<void> {
    await this.#session.call((token) => this.#api.liftRestriction(token, restriction, room, user));
  }

  /** Removes all messages of somebody in a room; for moderators and owners. */
  async purge(room: string, user: string, span: PurgeRange, ban: boolean, reason: string): Promise<void> {
    await this.#session.call((token) => this.#api.purge(token, room, user, span, ban, reason));
    this.emit('members', room);
  }

  report(room: string, author: string, message: string, reason: string, words: string): Promise<void> {
    return this.#session.call((token) => this.#api.report(token, room, author, message, reason, words));
  }

  /**
   * Lists the open reports about a room; for moderators and owners, as the next two methods are.
   */
  reports(room: string): Promise<Report[]> {
    return this.#session.call((token) => this.#api.reports(token, room));
  }

  claimReport(report: string): Promise<void> {
    return this.#session.call((token) => this.#api.claimReport(token, report));
  }

  resolveReport(report: string, outcome: ReportOutcome, note: string, minutes?: number): Promise<void> {
    return this.#session.call((token) => this.#api.resolveReport(token, report, outcome, note, minutes));
  }

  /**
   * Returns a copy of all that was said in a room: lines of JSON, or a page. For owners, and both
   * people of a direct room.
   */
  copy(room: string, format: 'jsonl' | 'html'): Promise<Blob> {
    return this.#session.call((token) => this.#api.file(`/v1/rooms/${encodeURIComponent(room)}/export?format=${format}`, token));
  }

  /** Returns what the user has chosen for how things are shown. */
  preferences(): Promise<StoredPreferences> {
    return this.#session.call((token) => this.#api.preferences(token));
  }
  /** Returns whether this log-in's device is told what is new, and the key to subscribe with. */
  push(): Promise<{ key: string; on: boolean }> {
    return this.#session.call((token) => this.#api.push(token));
  }
  /** Has this log-in's device told what is new; undefined: not any more. */
  putPush(subscription: Record<string, unknown> | undefined): Promise<void> {
    return this.#session.call((token) => this.#api.putPush(token, subscription));
  }
  /** Has something pushed to this log-in's device. */
  tryPush(): Promise<void> {
    return this.#session.call((token) => this.#api.tryPush(token));
  }
  /**
   * Keeps it in place of that of its version; rejects with `conflict` if there is another by now.
   */
  putPreferences(preferences: StoredPreferences): Promise<StoredPreferences> {
    return this.#session.call((token) => this.#api.putPreferences(token, preferences));
  }

  /** Makes a room read only and takes it off the lists, or undoes that: owners may, as the next. */
  archive(room: string, archived: boolean): Promise<void> {
    return this.#session.call((token) => this.#api.archive(token, room, archived));
  }

  /** Removes all that was said in a room, for ever; for moderators and owners. */
  resetRoom(room: string, name: string): Promise<void> {
    return this.#session.call((token) => this.#api.resetRoom(token, room, name));
  }

  deleteRoom(room: string, name: string): Promise<void> {
    return this.#session.call((token) => this.#api.deleteRoom(token, room, name));
  }

  join(room: string): Promise<void> {
    return this.#session.call((token) => this.#api.join(token, room));
  }
  leave(room: string): Promise<void> {
    return this.#session.call((token) => this.#api.leave(token, room));
  }
  /** Opens the direct room with a user, and creates it if it is missing. */
  direct(user: string): Promise<RoomInfo> {
    return this.#session.call((token) => this.#api.direct(token, user));
  }
  /** Opens the group of several others, making it if it is not there. */
  group(users: readonly string[]): Promise<RoomInfo> {
    return this.#session.call((token) => this.#api.group(token, users));
  }
}
