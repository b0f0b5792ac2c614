import type { Api } from './api.ts';
import { hasCode } from './errors.ts';
import { objects, number, text } from './json.ts';
import type { Session } from './session.ts';

/** A log-in of the user. Times are UTC ms. */
export interface Login {
  readonly id: string;
  /** The log-in of this page. */
  readonly current: boolean;
  /** What the client calls itself, such as "Firefox on Linux"; it may be any text. */
  readonly device: string;
  /** The network that it was last used from. */
  readonly address: string;
  readonly created: number;
  readonly used: number;
}

/** Who may know or do something; `rooms`: who is in a room with the user. */
export type Audience = 'everybody' | 'rooms' | 'nobody';

/** The settings that the user chose for their account. */
export interface Settings {
  /** Who may see when they were last connected. */
  readonly seenBy: Audience;
  /** Whether others find them by name. */
  readonly listed: boolean;
  /** Who may add them to rooms and invite them. */
  readonly invitedBy: Audience;
  /** Who may begin direct messages with them. */
  readonly directBy: Audience;
}

/** The mail address of the user's account. */
export interface MailAddress {
  /** The confirmed address; empty: none. */
  readonly address: string;
  /** The server sends mail. */
  readonly possible: boolean;
  /** How often it writes what waits to who has not chosen; absent: it writes none. */
  readonly digest?: 'never' | 'hourly' | 'daily' | 'weekly';
}

/**
 * What the user may do with their own account. It keeps nothing; every method asks the server, and
 * rejects as Api does.
 */
export class Account {
  readonly #api: Api;
  readonly #session: Session;

  constructor(api: Api, session: Session) {
    this.#api = api;
    this.#session = session;
  }

  /** Returns the log-ins, the one used last first. */
  async logins(): Promise<Login[]> {
    const body = await this.#ask('GET', '/v1/sessions');
    return objects(body['sessions']).map((s) => ({
      id: text(s['id']), current: s['current'] === true, device: text(s['device']), address: text(s['address']),
      created: number(s['created']), used: number(s['used']),
    }));
  }
  async endLogin(id: string): Promise<void> {
    await this.#ask('DELETE', `/v1/sessions/${encodeURIComponent(id)}`);
  }
  /** Ends all log-ins but this one, and returns how many those were. */
  async endOtherLogins(): Promise<number> {
    return number((await this.#ask('DELETE', '/v1/sessions'))['ended']);
  }
  async changePassword(current: string, password: string, endOthers: boolean): Promise<void> {
    await this.#ask('POST', '/v1/password', { current, password, end_others: endOthers });
  }

  async settings(): Promise<Settings> {
    return settings(await this.#ask('GET', '/v1/settings'));
  }
  /** Changes what is given, and returns what is chosen then. */
  async choose(change: Partial<Settings>): Promise<Settings> {
    const { seenBy, listed, invitedBy, directBy } = change;
    return settings(await this.#ask('PATCH', '/v1/settings', { seen_by: seenBy, listed, invited_by: invitedBy, direct_by: directBy }));
  }
  /**
   * Returns everything that the server stores about the user, and all their messages, as a file of
   * JSON.
   */
  data(): Promise<Blob> {
    return this.#session.call((token) => this.#api.file('/v1/me/data', token));
  }
  /**
   * Deletes the account for good, and with `messages` everything that the user wrote. The session
   * has ended then.
   */
  async remove(password: string, messages: boolean): Promise<void> {
    await this.#ask('POST', '/v1/me/delete', { password, messages: messages ? 'remove' : 'keep' });
  }
  /** Gives the user of a link another password. It needs no log-in, and ends all log-ins. */
  async reset(secret: string, password: string): Promise<void> {
    await this.#api.request('POST', '/v1/reset', undefined, { secret, password });
  }

  /** Returns the mail address; none from a server that keeps no addresses. */
  async mail(): Promise<MailAddress> {
    try {
      const body = await this.#ask('GET', '/v1/mail');
      const digest = body['digest'];
      return {
        address: text(body['address']), possible: body['possible'] === true,
        ...((digest === 'never' || digest === 'hourly' || digest === 'daily' || digest === 'weekly') && { digest }),
      };
    } catch (err) {
      if (hasCode(err, 'not_found')) return { address: '', possible: false };
      throw err;
    }
  }
  /** Asks the server to send a confirmation link to a mail address. */
  async askMail(address: string, password: string): Promise<void> {
    await this.#ask('PUT', '/v1/mail', { address, password });
  }
  async removeMail(password: string): Promise<void> {
    await this.#ask('POST', '/v1/mail/remove', { password });
  }
  /**
   * Confirms a mail address by the link that was sent to it, and returns it. It needs no log-in.
   */
  async confirmMail(secret: string): Promise<string> {
    return text((await this.#api.request('POST', '/v1/mail/confirm', undefined, { secret }))['address']);
  }
  /** Ends the digests of the account that the token of a link is for. It needs no log-in. */
  async stopDigests(token: string): Promise<void> {
    await this.#api.request('POST', `/v1/digests/stop?token=${encodeURIComponent(token)}`, undefined);
  }
  /**
   * Asks the server to mail a link for a new password to the account with this name or mail
   * address, if there is one.
   */
  async forgot(who: string): Promise<void> {
    await this.#api.request('POST', '/v1/forgot', undefined, { who });
  }

  #ask(method: string, path: string, payload?: object): Promise<Record<string, unknown>> {
    return this.#session.call((token) => this.#api.request(method, path, token, payload));
  }
}

const who = (v: unknown): Audience => (text(v) || 'everybody') as Audience;
const settings = (body: Record<string, unknown>): Settings => ({
  seenBy: who(body['seen_by']), listed: body['listed'] !== false, invitedBy: who(body['invited_by']), directBy: who(body['direct_by']),
});
