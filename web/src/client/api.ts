import { object, objects, positive, text, time } from './json.ts';
import { block, foundRoom, invitation, messageRequest, room, user } from './read-records.ts';
import { ConnectionLost, hasCode, HubbubError } from './errors.ts';
import { inboxRooms, type InboxRoom } from './inbox.ts';
import { readSystemEvents, historyMessages, retryAfter } from './parse.ts';
import type { StoredPreferences } from './preferences.ts';
import type { HistoryMessage } from './protocol.ts';
import type {
  Block, BlockKind, AdmissionPolicy, MessagePage, FoundRoom, Grant, Invitation, RestrictionKind, Restriction, Members, MessageRequest, PageQuery,
  Report, Role, RoomInfo, RoomSort, Rules, PurgeRange, Start, User, ReportOutcome,
} from './records.ts';
import type { ReplyTarget } from './roomlog.ts';

export type * from './records.ts';

/** How long an answer is waited for, ms. */
const patience = 15_000;

type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/**
 * The HTTP side of Hubbub: accounts, rooms, memberships. Every method rejects with HubbubError for
 * an answer of the server's, and with ConnectionLost when there was none. It keeps nothing, and
 * takes the token from its caller.
 */
export class Api {
  readonly #base: string;
  readonly #fetch: Fetch;
  readonly #page: string | undefined;

  /**
   * `base` is the address that /v1 is appended to, without a slash at its end; empty: the page's
   * own. `page` is where the page is, with a slash at its end: refresh tokens are kept in a cookie
   * of the browser then, and not by the caller.
   */
  constructor(base = '', fetcher: Fetch = (input, init) => fetch(input, init), page?: string) {
    this.#base = base;
    this.#fetch = fetcher;
    this.#page = page;
  }

  register(name: string, password: string, invitation?: string): Promise<Grant> {
    return this.#grant('/v1/register', { name, password, ...(invitation && { invitation }) });
  }
  /** Makes the guest of the token a registered user; the refresh token stays as it is. */
  keepAccount(token: string, name: string, password: string, invitation?: string): Promise<Grant> {
    return this.#grant('/v1/me/register', { name, password, ...(invitation && { invitation }) }, token);
  }
  /**
   * Makes who has a set-up link the operator of the server, with a new account or one that there
   * is.
   */
  setUp(link: string, name: string, password: string): Promise<Grant> {
    return this.#grant('/v1/setup', { link, name, password });
  }
  /**
   * Who may come in, and what is to be said of an invitation. A server of before that knew says
   * that all may.
   */
  async admissionPolicy(invitation?: string): Promise<AdmissionPolicy> {
    const body = await this.#call('GET', `/v1/server${invitation ? `?invite=${encodeURIComponent(invitation)}` : ''}`, undefined);
    const invited = body['invitation'] as { by_name?: unknown; problem?: unknown } | undefined;
    return {
      registration: text(body['registration']) as AdmissionPolicy['registration'],
      guests: text(body['guests']) as AdmissionPolicy['guests'],
      mail: body['mail'] === true,
      ...(Array.isArray(body['guest_may']) && { guestMay: body['guest_may'].map(text) }),
      ...(invited && { invitation: { by: text(invited.by_name), problem: text(invited.problem) } }),
    };
  }
  login(name: string, password: string): Promise<Grant> {
    return this.#grant('/v1/login', { name, password });
  }
  guest(name: string): Promise<Grant> {
    return this.#grant('/v1/guest', { name });
  }
  /**
   * Exchanges a refresh token, which may be good for one time only, for a new grant; without one,
   * that of the cookie. Whoever says the same attempt again has the same answer, however late.
   */
  refresh(refreshToken: string | undefined, attempt: string): Promise<Grant> {
    return this.#grant('/v1/refresh', { ...(refreshToken && { refresh_token: refreshToken }), attempt });
  }
  /** Ends the log-in whose refresh token is in the cookie, and removes the cookie. */
  async end(): Promise<void> {
    await this.#call('POST', '/v1/refresh/end', undefined, {});
  }
  async logout(token: string): Promise<void> {
    await this.#call('POST', '/v1/logout', token, {});
  }

  /** Returns who a token is for. */
  async me(token: string): Promise<User> {
    return user(await this.#call('GET', '/v1/me', token));
  }
  async rooms(token: string): Promise<RoomInfo[]> {
    const body = await this.#call('GET', '/v1/rooms', token);
    return objects(body['rooms']).map(room);
  }
  /** Returns what a client shows at its start. */
  async start(token: string): Promise<Start> {
    const body = await this.#call('GET', '/v1/start', token);
    const role = text(body['role']);
    return {
      rooms: objects(body['rooms']).map(room),
      lists: {
        requests: { list: objects(body['requests']).map(messageRequest), more: body['more_requests'] === true },
        invitations: objects(body['invitations']).map(invitation),
        blocks: objects(body['blocks']).map(block),
        role: role === 'operator' || role === 'auditor' ? role : '',
        ...(typeof body['preferences'] === 'object' && { preferences: chosen(body['preferences']) }),
        guestMay: Array.isArray(body['guest_may']) ? body['guest_may'].map(text) : undefined,
      },
    };
  }
  /** Returns a room that is the user's or public; others are not found. */
  async room(token: string, id: string): Promise<FoundRoom> {
    return foundRoom(await this.#call('GET', `/v1/rooms/${encodeURIComponent(id)}`, token));
  }
  /** Returns a page of the public rooms, and the cursor of the next; absent: it is the last. */
  async publicRooms(token: string, q: string, sort: RoomSort, cursor?: string): Promise<{ list: FoundRoom[]; next?: string }> {
    const query = new URLSearchParams({ q, sort, ...(cursor && { cursor }) });
    const body = await this.#call('GET', `/v1/public-rooms?${query.toString()}`, token);
    const list = objects(body['rooms']).map(foundRoom);
    return { list, ...(text(body['next']) && { next: text(body['next']) }) };
  }
  async createRoom(token: string, name: string, topic: string, isPrivate: boolean): Promise<RoomInfo> {
    return room(await this.#call('POST', '/v1/rooms', token, { name, topic, private: isPrivate }));
  }
  async join(token: string, id: string): Promise<void> {
    await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/join`, token, {});
  }
  async leave(token: string, id: string): Promise<void> {
    await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/leave`, token, {});
  }
  async members(token: string, id: string): Promise<Members> {
    const body = await this.#call('GET', `/v1/rooms/${encodeURIComponent(id)}/members`, token);
    const list = objects(body['members']).map((m) => ({ user: text(m['user']), name: text(m['name']), role: (text(m['role']) || 'member') as Role }));
    return { list, more: body['more'] === true };
  }
  /**
   * Brings somebody in, or gives a member the role. Returns true if they were asked, and are not in
   * yet.
   */
  async addMember(token: string, id: string, user: string, role?: Role): Promise<boolean> {
    const body = await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/members`, token, { user, ...(role && { role }) });
    return body['invited'] === true;
  }
  /** Hides a direct room until the other writes again. */
  async hide(token: string, id: string): Promise<void> {
    await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/hide`, token, {});
  }
  /** Returns the newest message requests; a server without them has none. */
  async requests(token: string): Promise<{ list: MessageRequest[]; more: boolean }> {
    const body = await this.#call('GET', '/v1/requests', token);
    return { list: objects(body['requests']).map(messageRequest), more: body['more'] === true };
  }
  async acceptRequest(token: string, id: string): Promise<RoomInfo> {
    return room(await this.#call('POST', `/v1/requests/${encodeURIComponent(id)}/accept`, token, {}));
  }
  async refuseRequest(token: string, id: string): Promise<void> {
    await this.#call('DELETE', `/v1/requests/${encodeURIComponent(id)}`, token);
  }
  async invitations(token: string): Promise<Invitation[]> {
    const body = await this.#call('GET', '/v1/invitations', token);
    return objects(body['invitations']).map(invitation);
  }
  async acceptInvitation(token: string, id: string): Promise<RoomInfo> {
    return room(await this.#call('POST', `/v1/invitations/${encodeURIComponent(id)}/accept`, token, {}));
  }
  async declineInvitation(token: string, id: string): Promise<void> {
    await this.#call('DELETE', `/v1/invitations/${encodeURIComponent(id)}`, token);
  }
  async preferences(token: string): Promise<StoredPreferences> {
    return chosen(await this.#call('GET', '/v1/preferences', token));
  }
  /** Whether the log-in's device is told what is new, and the key that it subscribes with. */
  async push(token: string): Promise<{ key: string; on: boolean }> {
    const body = await this.#call('GET', '/v1/push', token);
    return { key: text(body['key']), on: body['on'] === true };
  }
  /** Tells the log-in's device what is new from now on; undefined: nothing any more. */
  async putPush(token: string, subscription: Record<string, unknown> | undefined): Promise<void> {
    if (subscription) await this.#call('PUT', '/v1/push', token, subscription);
    else await this.#call('DELETE', '/v1/push', token);
  }
  async tryPush(token: string): Promise<void> {
    await this.#call('POST', '/v1/push/try', token, {});
  }
  async putPreferences(token: string, preferences: StoredPreferences): Promise<StoredPreferences> {
    return chosen(await this.#call('PUT', '/v1/preferences', token, { ...preferences }));
  }
  async blocks(token: string): Promise<Block[]> {
    const body = await this.#call('GET', '/v1/blocks', token);
    return objects(body['blocks']).map(block);
  }
  async block(token: string, user: string, kind: BlockKind): Promise<void> {
    await this.#call('PUT', `/v1/blocks/${encodeURIComponent(user)}`, token, { kind });
  }
  async unblock(token: string, user: string): Promise<void> {
    await this.#call('DELETE', `/v1/blocks/${encodeURIComponent(user)}`, token);
  }
  async removeMember(token: string, id: string, user: string, reason = ''): Promise<void> {
    await this.#call('DELETE', `/v1/rooms/${encodeURIComponent(id)}/members/${encodeURIComponent(user)}${reason && `?reason=${encodeURIComponent(reason)}`}`, token);
  }
  async changeRoom(token: string, id: string, patch: Partial<Pick<RoomInfo, 'name' | 'topic' | 'private'>>): Promise<RoomInfo> {
    return room(await this.#call('PATCH', `/v1/rooms/${encodeURIComponent(id)}`, token, patch));
  }
  /** Sets who may write in a room, and how often. */
  async setRules(token: string, id: string, rules: Rules): Promise<RoomInfo> {
    return room(await this.#call('PATCH', `/v1/rooms/${encodeURIComponent(id)}`, token, rules));
  }
  /** Lists who is muted in a room, or banned from it. */
  async restrictions(token: string, restriction: RestrictionKind, id: string): Promise<{ list: Restriction[]; more: boolean }> {
    const body = await this.#call('GET', `/v1/rooms/${encodeURIComponent(id)}/${restriction}`, token);
    const list = objects(body[restriction]).map((k) => ({
      user: text(k['user']), name: text(k['name']), by: text(k['by']), reason: text(k['reason']), since: time(k['since']), ...positive('until', k['until']),
    }));
    return { list, more: body['more'] === true };
  }
  /** Mutes or bans somebody in a room; without minutes until it is lifted. */
  async restrict(token: string, restriction: RestrictionKind, id: string, who: string, reason: string, minutes?: number): Promise<void> {
    await this.#call('PUT', `/v1/rooms/${encodeURIComponent(id)}/${restriction}/${encodeURIComponent(who)}`, token, { reason, ...(minutes && { minutes }) });
  }
  /** Removes all messages of somebody in a room, and with `ban` bans them, too. */
  async purge(token: string, id: string, who: string, span: PurgeRange, ban: boolean, reason: string): Promise<void> {
    await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/purges/${encodeURIComponent(who)}`, token, { span, ban, reason });
  }
  /** Reports a message to those who look after the room and the server. */
  async report(token: string, id: string, author: string, message: string, reason: string, words: string): Promise<void> {
    await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/reports`, token, { author, message, reason, text: words });
  }
  /** Lists the reports about a room that are not resolved, oldest first. */
  async reports(token: string, id: string): Promise<Report[]> {
    const body = await this.#call('GET', `/v1/rooms/${encodeURIComponent(id)}/reports`, token);
    return objects(body['reports']).map((r) => ({
      id: text(r['id']), author: text(r['author']), authorName: text(r['author_name']), text: text(r['text']), sent: time(r['sent']),
      reporterName: text(r['reporter_name']), reason: text(r['reason']), words: text(r['words']), state: text(r['state']), takerName: text(r['taker_name']),
    }));
  }
  async claimReport(token: string, report: string): Promise<void> {
    await this.#call('POST', `/v1/reports/${encodeURIComponent(report)}/take`, token, {});
  }
  async resolveReport(token: string, report: string, outcome: ReportOutcome, note: string, minutes?: number): Promise<void> {
    await this.#call('POST', `/v1/reports/${encodeURIComponent(report)}/resolve`, token, { outcome, note, ...(minutes && { minutes }) });
  }
  /** Makes a room read only and takes it off the lists, or undoes that. */
  async archive(token: string, id: string, archived: boolean): Promise<void> {
    await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/${archived ? 'archive' : 'restore'}`, token, {});
  }
  /** Removes all that was said in a room, for ever. */
  async resetRoom(token: string, id: string, name: string): Promise<void> {
    await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/reset`, token, { name });
  }
  /** Deletes a room for ever. */
  async deleteRoom(token: string, id: string, name: string): Promise<void> {
    await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/delete`, token, { name });
  }
  /** Ends a mute or a ban. */
  async liftRestriction(token: string, restriction: RestrictionKind, id: string, who: string): Promise<void> {
    await this.#call('DELETE', `/v1/rooms/${encodeURIComponent(id)}/${restriction}/${encodeURIComponent(who)}`, token);
  }
  /** Opens the direct room with a user, making it if it is not there. */
  async direct(token: string, user: string): Promise<RoomInfo> {
    return room(await this.#call('POST', '/v1/direct', token, { user }));
  }
  /** Opens the group of several others, making it if it is not there. */
  async group(token: string, users: readonly string[]): Promise<RoomInfo> {
    return room(await this.#call('POST', '/v1/direct', token, { users }));
  }
  /** Finds users by the beginning of their name. */
  async users(token: string, query: string): Promise<User[]> {
    const body = await this.#call('GET', `/v1/users?q=${encodeURIComponent(query)}`, token);
    return objects(body['users']).map(user);
  }
  /**
   * Returns which of some users have deleted their account; a server that does not say it knows of
   * none.
   */
  async deleted(token: string, users: readonly string[]): Promise<string[]> {
    try {
      const { deleted } = await this.#call('POST', '/v1/users/deleted', token, { users });
      return Array.isArray(deleted) ? deleted.map(text) : [];
    } catch (err) {
      if (err instanceof HubbubError && err.status === 404) return [];
      throw err;
    }
  }
  /**
   * Returns when somebody who is offline was last connected, UTC milliseconds; undefined while they
   * are not, or if it is not known.
   */
  async lastSeen(token: string, id: string): Promise<number | undefined> {
    const { last_seen: at } = await this.#call('GET', `/v1/users/${encodeURIComponent(id)}/presence`, token);
    return typeof at === 'number' && at > 0 ? at : undefined;
  }
  /** What is new in the user's rooms; undefined: the server does not say it. */
  async inbox(token: string): Promise<InboxRoom[] | undefined> {
    const all: InboxRoom[] = [];
    try {
      for (let next = ''; ; ) {
        const body = await this.#call('GET', `/v1/inbox${next && `?next=${encodeURIComponent(next)}`}`, token);
        if (!Array.isArray(body['rooms'])) return undefined;
        all.push(...inboxRooms(body['rooms']));
        if (typeof body['next'] !== 'string' || body['next'] === next) return all;
        next = body['next'];
      }
    } catch (err) {
      if (hasCode(err, 'not_found')) return undefined; // a server of an earlier release
      throw err;
    }
  }
  /** Searches messages; see readFound in search.ts for the answer. */
  search(token: string, query: URLSearchParams, signal?: AbortSignal): Promise<Record<string, unknown>> {
    return this.#call('GET', `/v1/search?${query.toString()}`, token, undefined, signal);
  }
  /** Marks everything in all rooms as read. */
  async readAll(token: string): Promise<void> {
    await this.#call('POST', '/v1/read', token);
  }
  /** Marks everything in a room as read. */
  async readRoom(token: string, room: string): Promise<void> {
    await this.#call('POST', `/v1/rooms/${room}/read`, token, {});
  }
  /** Marks a message and what follows in its room as unread. */
  async unread(token: string, room: string, seq: number): Promise<void> {
    await this.#call('POST', `/v1/rooms/${room}/unread`, token, { seq });
  }
  /** Returns the user's own read positions; a server without them has none. */
  async reads(token: string): Promise<Record<string, number>> {
    try {
      const body = await this.#call('GET', '/v1/reads', token);
      const reads = Object.entries(object(body['reads'])).filter((e): e is [string, number] => typeof e[1] === 'number');
      return Object.fromEntries(reads);
    } catch (err) {
      if (err instanceof HubbubError && err.status === 404) return {};
      throw err;
    }
  }
  /** Returns a page of a room's messages by HTTP, for use without a socket. */
  async messages(token: string, id: string, query: PageQuery = {}): Promise<MessagePage> {
    const params = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)]));
    const body = await this.#call('GET', `/v1/rooms/${encodeURIComponent(id)}/messages?${params}`, token);
    return {
      messages: historyMessages(body['messages']), more: body['more'] === true, acts: readSystemEvents(body['acts'], body['events']),
      ...(typeof body['found'] === 'number' && { found: body['found'] }),
      ...(body['found_in'] !== undefined && { foundIn: { user: text(object(body['found_in'])['author']), id: text(object(body['found_in'])['id']) } }),
    };
  }
  /** Returns those of the named messages of a room that there are, their texts cut. */
  async quotes(token: string, id: string, names: readonly ReplyTarget[]): Promise<HistoryMessage[]> {
    const body = await this.#call('POST', `/v1/rooms/${encodeURIComponent(id)}/quotes`, token, { messages: names });
    return historyMessages(objects(body['quotes']).map((q) => ({ ...q, room: id })));
  }

  /** Returns the address of a path, for what the browser loads by itself. */
  address(path: string): string {
    return this.#base + path;
  }

  /**
   * Makes a request of any route, for what of the API has no method here. A payload that is a Blob
   * is sent as it is.
   */
  request(method: string, path: string, token?: string, payload?: object): Promise<Record<string, unknown>> {
    return this.#call(method, path, token, payload);
  }

  /** Returns what a route answers as it is, however long that takes. */
  async file(path: string, token: string): Promise<Blob> {
    try {
      const response = await this.#fetch(this.#base + path, { method: 'GET', headers: { authorization: `Bearer ${token}` } });
      if (response.ok) return await response.blob();
      throw problem(response.status, object(await response.json().catch(() => undefined)));
    } catch (err) {
      throw err instanceof HubbubError ? err : new ConnectionLost('The server cannot be reached, or the answer was cut off.');
    }
  }

  async #grant(path: string, payload: object, token?: string): Promise<Grant> {
    const body = await this.#call('POST', path, token, payload);
    // An answer that was cut off has no body that could be read.
    if (!text(body['token'])) throw new ConnectionLost('The server cannot be reached.');
    const refreshToken = text(body['refresh_token']);
    return {
      token: text(body['token']),
      expiresAt: time(body['expires_at']),
      ...(typeof body['expires_in'] === 'number' && { life: body['expires_in'] * 1_000 }),
      ...(refreshToken && { refreshToken }),
      user: user(object(body['user'])),
    };
  }

  async #call(method: string, path: string, token?: string, payload?: object, until?: AbortSignal): Promise<Record<string, unknown>> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token) headers['authorization'] = `Bearer ${token}`;
    const file = payload instanceof Blob;
    if (payload) headers['content-type'] = file ? payload.type : 'application/json';
    if (this.#page && !token) headers['hubbub-cookie'] = this.#page;
    let response: Response;
    let body: Record<string, unknown>;
    try {
      const late = AbortSignal.timeout(patience);
      const signal = until && 'any' in AbortSignal ? AbortSignal.any([late, until]) : late;
      response = await this.#fetch(this.#base + path, { method, headers, signal, ...(payload && { body: file ? payload : JSON.stringify(payload) }) });
      body = object(await response.json().catch(() => undefined));
    } catch {
      throw new ConnectionLost('The server cannot be reached.');
    }
    if (!response.ok) throw problem(response.status, body);
    return body;
  }
}

/** Makes the error of an RFC 9457 problem with Hubbub's members `code` and `retry_after_ms`. */
function problem(status: number, body: Record<string, unknown>): HubbubError {
  const retry = retryAfter(body['retry_after_ms']);
  // A proxy in between answers without a code: its status says as much as there is to know.
  const code = text(body['code']) || (status === 401 ? 'unauthorized' : status === 429 ? 'rate_limited' : status >= 500 ? 'unavailable' : 'bad_request');
  const message = text(body['detail']) || text(body['title']) || `The server answered with status ${status}.`;
  return new HubbubError(code, message, retry, status);
}

function chosen(v: unknown): StoredPreferences {
  const { version, values } = (v ?? {}) as Record<string, unknown>;
  return { version: typeof version === 'number' ? version : 0, values: typeof values === 'object' && values !== null ? (values as Record<string, unknown>) : {} };
}
