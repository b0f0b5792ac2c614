import type { Login } from './account.ts';
import type { Api, AdmissionPolicy, RestrictionKind, Restriction, Report, RoomSort, PurgeRange, ReportOutcome } from './api.ts';
import { object, objects, number, positive, text, type Fields } from './json.ts';
import type { Session } from './session.ts';

/** The user's role on the server: operator, auditor, or none. */
export type ServerRole = 'operator' | 'auditor' | '';

/** Which accounts to list; `staff` are operators and auditors. */
export type UserFilter = 'all' | 'registered' | 'guests' | 'disabled' | 'staff';

/** An account as operators see it. Times are UTC ms. */
export interface ServerUser {
  readonly id: string;
  readonly name: string;
  readonly guest: boolean;
  readonly role: ServerRole;
  readonly disabled: boolean;
  readonly banned: boolean;
  readonly created: number;
  /** Absent: never. */
  readonly seen?: number;
}

/** An account with its mutes, bans and log-ins. */
export interface ServerPerson extends ServerUser {
  readonly ban?: NamedRestriction;
  /** For operators only, as the next field is. */
  readonly mute?: NamedRestriction;
  readonly logins: readonly Login[];
}

/** A report with its outcome. */
export interface ServerReport extends Report {
  readonly room: string;
  /** Empty: a direct room, or a deleted one. */
  readonly roomName: string;
  readonly direct: boolean;
  /** Who claimed it, or resolved it. */
  readonly taker: string;
  readonly outcome: string;
  readonly note: string;
  readonly resolved?: number;
}

/** A message from around a reported one. */
export interface ContextMessage {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly text: string;
  readonly sent: number;
  readonly deleted: boolean;
  readonly edited: boolean;
  readonly reported: boolean;
}

/** The outcome of a report. */
export interface Decision {
  readonly outcome: ReportOutcome | 'purge';
  readonly note: string;
  /** Of a mute or a ban; absent: until it is lifted. */
  readonly minutes?: number | undefined;
  /** Of a purge. */
  readonly span?: PurgeRange | undefined;
}

/** An invitation to register. */
export interface PeopleInvitation {
  readonly id: string;
  readonly by: string;
  readonly byName: string;
  readonly note: string;
  readonly uses: number;
  readonly used: number;
  readonly created: number;
  readonly expires: number;
  readonly revoked: boolean;
}

/** Who may come in, as operators see and change it. */
export interface Admission extends Pick<AdmissionPolicy, 'registration' | 'guests'> {
  /** The rooms that guests may enter, if guests is `rooms`. */
  readonly guestRooms: readonly string[];
}

/** How long messages are kept on the server: where rooms say nothing else, and the bounds of all rooms; empty: none. */
export interface ServerRetention {
  readonly keep: string;
  readonly least: string;
  readonly most: string;
}

/** What keeps messages of a room, or of a person, from being removed. */
export interface Hold {
  readonly id: string;
  /** Either the room or the user. */
  readonly room: string;
  readonly user: string;
  /** The name of that; empty: it has none, or is gone. */
  readonly called: string;
  readonly reason: string;
  readonly by: string;
  readonly byName: string;
  readonly created: number;
}

export interface NetworkBan {
  readonly network: string;
  readonly reason: string;
  readonly by: string;
  readonly byName: string;
  /** Id of the guest who was banned together with it: it keeps out guests and new accounts only. */
  readonly guest: string;
  readonly since: number;
  readonly until?: number;
}

export interface NamedRestriction extends Restriction {
  /** Who did it; empty: the account is deleted, or it was done at the console. */
  readonly byName: string;
}

/** A public room as operators see it. */
export interface ServerRoom {
  readonly id: string;
  readonly name: string;
  readonly topic: string;
  /** A room for everybody, which stays. */
  readonly standing: boolean;
  readonly members: number;
  readonly active?: number;
  /** Absent: a room for everybody. */
  readonly created?: number;
  readonly by: string;
  readonly byName: string;
  readonly archived?: number;
}

/** An entry of the audit log. */
export interface Act {
  readonly id: string;
  readonly at: number;
  readonly action: string;
  readonly actor: string;
  readonly actorName: string;
  readonly subject: string;
  readonly subjectName: string;
  readonly room: string;
  readonly address: string;
  readonly detail: string;
  readonly outcome: string;
}

/** Which acts to list; a missing field matches all. */
export interface ActFilter {
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
  readonly room?: string | undefined;
  readonly action?: string | undefined;
  /** UTC ms; `until` is exclusive. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** A part of a list, and the cursor of the next; absent: it is the last. */
export interface Page<T> {
  readonly list: readonly T[];
  readonly next?: string;
}

/** An emoji of the server's own. */
export interface ServerEmoji {
  readonly name: string;
  /** The address of the image. */
  readonly image: string;
  /** Who added it; empty: the account is gone. */
  readonly byName: string;
  /** UTC ms. */
  readonly created: number;
}

/**
 * What operators and auditors do on the whole server. It keeps nothing; every method asks the
 * server, and rejects as Api does.
 */
export class Server {
  readonly #api: Api;
  readonly #session: Session;

  constructor(api: Api, session: Session) {
    this.#api = api;
    this.#session = session;
  }

  /** The user's role on this server. */
  async role(): Promise<ServerRole> {
    return role((await this.#ask('GET', '/v1/server/me'))['role']);
  }

  /** Finds accounts whose name has `q` in it. */
  async people(q: string, show: UserFilter, after?: string): Promise<Page<ServerUser>> {
    const body = await this.#ask('GET', `/v1/server/users${query({ q, show, after })}`);
    return page(objects(body['users']).map(serverUser), body['next']);
  }
  async person(id: string): Promise<ServerPerson> {
    const p = await this.#ask('GET', `/v1/server/users/${part(id)}`);
    return {
      ...serverUser(p),
      ...(p['ban'] !== undefined && { ban: namedRestriction(object(p['ban'])) }),
      ...(p['mute'] !== undefined && { mute: namedRestriction(object(p['mute'])) }),
      logins: objects(p['logins']).map((s) => ({
        id: text(s['id']), current: false, device: text(s['device']), address: text(s['address']), created: number(s['created']), used: number(s['used']),
      })),
    };
  }
  async setRole(id: string, to: ServerRole): Promise<void> {
    await this.#ask('PUT', `/v1/server/users/${part(id)}/role`, { role: to });
  }
  async signOut(id: string): Promise<void> {
    await this.#ask('POST', `/v1/server/users/${part(id)}/sign-out`, {});
  }
  async setDisabled(id: string, disabled: boolean): Promise<void> {
    await this.#ask('PUT', `/v1/server/users/${part(id)}/disabled`, { disabled });
  }
  /** Creates a link for choosing a new password. Returns what to append to the page's address. */
  async resetPath(id: string): Promise<string> {
    return text((await this.#ask('POST', `/v1/users/${part(id)}/reset`, {}))['path']);
  }
  /** Deletes an account for good, and with `messages` everything that its user wrote. */
  async remove(id: string, messages: boolean): Promise<void> {
    await this.#ask('POST', `/v1/server/users/${part(id)}/delete`, { messages: messages ? 'remove' : 'keep' });
  }
  /** Removes somebody's messages in all rooms. */
  async purge(id: string, span: PurgeRange, ban: boolean, reason: string): Promise<void> {
    await this.#ask('POST', `/v1/purges/${part(id)}`, { span, ban, reason });
  }

  /** Lists who is muted on the server, or banned from it. */
  async restrictions(restriction: RestrictionKind, after?: string): Promise<Page<NamedRestriction>> {
    const body = await this.#ask('GET', `/v1/${restriction}${query({ after })}`);
    const all = objects(body[restriction]).map(namedRestriction);
    return page(all, body['more'] === true ? all.at(-1)?.user : undefined);
  }
  /** Mutes or bans somebody on the whole server; without minutes until it is lifted. */
  async restrict(restriction: RestrictionKind, id: string, reason: string, minutes?: number): Promise<void> {
    await this.#ask('PUT', `/v1/${restriction}/${part(id)}`, { reason, ...(minutes && { minutes }) });
  }
  async liftRestriction(restriction: RestrictionKind, id: string): Promise<void> {
    await this.#ask('DELETE', `/v1/${restriction}/${part(id)}`);
  }
  async networks(): Promise<NetworkBan[]> {
    return objects((await this.#ask('GET', '/v1/network-bans'))['networks']).map((n) => ({
      network: text(n['network']), reason: text(n['reason']), by: text(n['by']), byName: text(n['by_name']), guest: text(n['guest']),
      since: number(n['since']), ...positive('until', n['until']),
    }));
  }
  /**
   * Bans a network. The server refuses the operator's own with `conflict`, unless `own` says that
   * it is meant.
   */
  async banNetwork(network: string, reason: string, minutes: number | undefined, own: boolean): Promise<void> {
    await this.#ask('POST', '/v1/network-bans', { network, reason, ...(minutes && { minutes }), ...(own && { own }) });
  }
  async unbanNetwork(network: string): Promise<void> {
    await this.#ask('DELETE', `/v1/network-bans${query({ network })}`);
  }

  /** Lists reports about all rooms: open ones oldest first, resolved ones newest first. */
  async reports(resolved: boolean, after?: string): Promise<Page<ServerReport>> {
    const body = await this.#ask('GET', `/v1/reports${query({ ...(resolved && { resolved: 'true', newest: 'true' }), after })}`);
    const all = objects(body['reports']).map((r) => ({
      id: text(r['id']), room: text(r['room']), roomName: text(r['room_name']), direct: r['direct'] === true, author: text(r['author']),
      authorName: text(r['author_name']), text: text(r['text']), sent: number(r['sent']), reporterName: text(r['reporter_name']), reason: text(r['reason']),
      words: text(r['words']), state: text(r['state']), taker: text(r['taker']), takerName: text(r['taker_name']), outcome: text(r['outcome']),
      note: text(r['note']), ...positive('resolved', r['resolved']),
    }));
    return page(all, body['more'] === true ? all.at(-1)?.id : undefined);
  }
  /** Returns the messages around a reported one; the audit log records that they were read. */
  async context(report: string): Promise<ContextMessage[]> {
    return objects((await this.#ask('GET', `/v1/reports/${part(report)}/context`))['messages']).map((m) => ({
      id: text(m['id']), user: text(m['user']), name: text(m['name']), text: text(m['text']), sent: number(m['sent']), deleted: m['deleted'] === true,
      edited: m['edited'] === true, reported: m['reported'] === true,
    }));
  }
  async take(report: string): Promise<void> {
    await this.#ask('POST', `/v1/reports/${part(report)}/take`, {});
  }
  async resolve(report: string, { outcome, note, minutes, span }: Decision): Promise<void> {
    await this.#ask('POST', `/v1/reports/${part(report)}/resolve`, { outcome, note, ...(minutes && { minutes }), ...(span && { span }) });
  }

  /** Lists invitations to register, the newest first. */
  async invitations(before?: string): Promise<Page<PeopleInvitation>> {
    const body = await this.#ask('GET', `/v1/server/invitations${query({ before })}`);
    return page(objects(body['invitations']).map((i) => ({
      id: text(i['id']), by: text(i['by']), byName: text(i['by_name']), note: text(i['note']), uses: number(i['uses']), used: number(i['used']),
      created: number(i['created']), expires: number(i['expires']), revoked: i['revoked'] === true,
    })), body['next']);
  }
  /**
   * Creates an invitation, and returns what to append to the page's address for its link, which is
   * shown only once.
   */
  async invite(uses: number, minutes: number, note: string): Promise<string> {
    const link = text((await this.#ask('POST', '/v1/server/invitations', { uses, minutes, ...(note && { note }) }))['link']);
    return `?invite=${encodeURIComponent(link)}`;
  }
  async revoke(invitation: string): Promise<void> {
    await this.#ask('DELETE', `/v1/server/invitations/${part(invitation)}`);
  }
  async admission(): Promise<Admission> {
    return admission(await this.#ask('GET', '/v1/server'));
  }
  async admit(change: Partial<Admission>): Promise<Admission> {
    const { registration, guests, guestRooms } = change;
    return admission(await this.#ask('PATCH', '/v1/server', { registration, guests, guest_rooms: guestRooms }));
  }

  async retention(): Promise<ServerRetention> {
    return retention(await this.#ask('GET', '/v1/server/retention'));
  }
  async setRetention(to: ServerRetention): Promise<ServerRetention> {
    return retention(await this.#ask('PATCH', '/v1/server/retention', to));
  }

  async holds(): Promise<readonly Hold[]> {
    return objects((await this.#ask('GET', '/v1/server/holds'))['holds']).map((h) => ({
      id: text(h['id']), room: text(h['room']), user: text(h['user']), called: text(h['called']), reason: text(h['reason']),
      by: text(h['by']), byName: text(h['by_name']), created: number(h['created']),
    }));
  }
  /** Makes a hold of a room by its id, or of a user by id or name. */
  async hold(of: { readonly room: string } | { readonly user: string }, reason: string): Promise<void> {
    await this.#ask('POST', '/v1/server/holds', { ...of, reason });
  }
  async release(id: string): Promise<void> {
    await this.#ask('DELETE', `/v1/server/holds/${part(id)}`);
  }
  /** What a hold has kept, as a file of JSON lines. */
  held(id: string): Promise<Blob> {
    return this.#session.call((token) => this.#api.file(`/v1/server/holds/${part(id)}/export`, token));
  }

  /** The emoji of the server's own. */
  async emoji(): Promise<ServerEmoji[]> {
    return objects((await this.#ask('GET', '/v1/emoji'))['emoji']).map((e) => ({
      name: text(e['name']), image: this.#api.address(text(e['image'])), byName: text(e['by_name']), created: number(e['created']),
    }));
  }
  /** Adds an emoji, or gives the one of that name another image. */
  async putEmoji(name: string, image: Blob): Promise<void> {
    await this.#ask('PUT', `/v1/emoji/${part(name)}`, image);
  }
  async removeEmoji(name: string): Promise<void> {
    await this.#ask('DELETE', `/v1/emoji/${part(name)}`);
  }

  /** Finds public rooms, archived or not. */
  async rooms(q: string, sort: RoomSort, archived: boolean, cursor?: string): Promise<Page<ServerRoom>> {
    const body = await this.#ask('GET', `/v1/server/rooms${query({ q, sort, ...(archived && { archived: 'true' }), cursor })}`);
    return page(objects(body['rooms']).map((r) => ({
      id: text(r['id']), name: text(r['name']), topic: text(r['topic']), standing: r['standing'] === true, members: number(r['members']),
      ...positive('active', r['active']), ...positive('created', r['created']), by: text(r['by']), byName: text(r['by_name']), ...positive('archived', r['archived']),
    })), body['next']);
  }

  /**
   * Makes a room read-only and takes it off the lists, or undoes that; the operator need not be a
   * member, as for the next method.
   */
  async archive(room: string, archived: boolean): Promise<void> {
    await this.#ask('POST', `/v1/rooms/${part(room)}/${archived ? 'archive' : 'restore'}`, {});
  }
  /** Deletes a room for ever. */
  async deleteRoom(room: string, name: string): Promise<void> {
    await this.#ask('POST', `/v1/rooms/${part(room)}/delete`, { name });
  }

  /** Reads the audit log, the newest first. */
  async acts(filter: ActFilter, before?: string): Promise<Page<Act>> {
    const body = await this.#ask('GET', `/v1/audit${query({ ...chosen(filter), before })}`);
    return page(objects(body['acts']).map((a) => ({
      id: text(a['id']), at: number(a['at']), action: text(a['action']), actor: text(a['actor']), actorName: text(a['actor_name']),
      subject: text(a['subject']), subjectName: text(a['subject_name']), room: text(a['room']), address: text(a['address']), detail: text(a['detail']),
      outcome: text(a['outcome']),
    })), body['next']);
  }
  /** Returns everything in the audit log that a filter matches, as lines of JSON. */
  exportActs(filter: ActFilter): Promise<Blob> {
    return this.#session.call((token) => this.#api.file(`/v1/audit/export${query(chosen(filter))}`, token));
  }

  #ask(method: string, path: string, payload?: object): Promise<Fields> {
    return this.#session.call((token) => this.#api.request(method, path, token, payload));
  }
}

const part = encodeURIComponent;
const role = (v: unknown): ServerRole => (v === 'operator' || v === 'auditor' ? v : '');
const page = <T>(all: readonly T[], next: unknown): Page<T> => ({ list: all, ...(text(next) && { next: text(next) }) });

/** The query string of the given parameters. */
function query(params: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(params).filter((p): p is [string, string] => p[1] !== undefined && p[1] !== '');
  return given.length ? `?${new URLSearchParams(given).toString()}` : '';
}
const chosen = ({ since, until, ...rest }: ActFilter): Record<string, string | undefined> => ({ ...rest, since: since?.toString(), until: until?.toString() });

const serverUser = (u: Fields): ServerUser => ({
  id: text(u['id']), name: text(u['name']), guest: u['guest'] === true, role: role(u['role']), disabled: u['disabled'] === true, banned: u['banned'] === true,
  created: number(u['created']), ...positive('seen', u['seen']),
});
const namedRestriction = (k: Fields): NamedRestriction => ({
  user: text(k['user']), name: text(k['name']), by: text(k['by']), byName: text(k['by_name']), reason: text(k['reason']), since: number(k['since']), ...positive('until', k['until']),
});
const admission = (body: Fields): Admission => ({
  registration: text(body['registration']) as Admission['registration'], guests: text(body['guests']) as Admission['guests'],
  guestRooms: Array.isArray(body['guest_rooms']) ? body['guest_rooms'].map(text) : [],
});
const retention = (r: Fields): ServerRetention => ({ keep: text(r['keep']), least: text(r['least']), most: text(r['most']) });
