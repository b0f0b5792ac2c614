import { m } from '../lang/language.svelte.ts';
import { Api, browserStore, Client, ConnectionLost, environment, hasCode, HubbubError, Session, type Credentials, type RoomInfo } from '../client/index.ts';
import { describe } from '../lang/describe.ts';
import { HostSession } from '../client/hostsession.ts';
import { Chat } from '../state/chat.svelte.ts';
import { personKey } from '../text/name.ts';
import { ownActText, removedText } from '../text/moderation.ts';
import type { ChatElement } from './element.ts';
import { releaseConnection, acquireConnection, sharedConnection as known, type SharedConnection } from './shared-connection.ts';
import { EmbeddedContext } from './embedded-context.svelte.ts';

/** What an element shows: the room, or something in its place. */
export type EmbedStage =
  | { readonly kind: 'connecting' }
  /** The user has no token, and may enter a name to come in as a guest. */
  | { readonly kind: 'name' }
  | { readonly kind: 'ready' }
  /** `again`: the label of a button that tries again. */
  | { readonly kind: 'closed'; readonly code: EmbedErrorCode; readonly text: string; readonly again?: string };

/** Why an element shows no room. */
export type EmbedErrorCode = 'no_token' | 'bad_token' | 'origin' | 'not_found' | 'forbidden' | 'removed' | 'unreachable' | 'failed';

/**
 * The first pause before it tries again to reach the server, ms; it doubles up to a minute.
 */
const firstRetry = 2_000;

/** One element: who is in it, and the room that it shows. */
export class Embedding {
  readonly context: EmbeddedContext;
  stage = $state.raw<EmbedStage>({ kind: 'connecting' });
  chat = $state.raw<Chat | undefined>();
  readonly #host: ChatElement;
  readonly #server: string;
  readonly #api: Api;
  #shared: SharedConnection | undefined;
  #session: Session | undefined;
  #off: (() => void)[] = [];
  #turn = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryIn = firstRetry;

  constructor(host: ChatElement) {
    this.#host = host;
    this.#server = host.address;
    this.#api = new Api(this.#server);
    this.context = new EmbeddedContext(host, this.#server, () => this.restart(true));
    void this.restart();
  }

  close(): void {
    this.#end();
    this.context.close();
  }

  /** Starts again; `fresh`: with another token than before, if the page has one. */
  async restart(fresh = false): Promise<void> {
    this.#end();
    const turn = this.#turn;
    this.#show({ kind: 'connecting' });
    try {
      const session = await this.#enter(fresh);
      if (turn !== this.#turn || !session) return;
      await this.#open(session, turn);
      this.#retryIn = firstRetry;
    } catch (err) {
      if (turn === this.#turn) await this.#failed(err, turn);
    }
  }

  /** Lets somebody in as a guest. Rejects with why that was refused. */
  async guest(name: string): Promise<void> {
    await this.#guests().guest(name);
    await this.restart();
  }

  /** Uses another token; one of the same person changes nothing else. */
  async useToken(token: string): Promise<void> {
    const { user } = this.#shared?.session ?? {};
    const session = this.#shared?.session;
    if (!token || !(session instanceof HostSession) || this.stage.kind !== 'ready') return this.restart();
    const me = await this.#api.me(token).catch(() => undefined);
    if (me && me.id === user?.id) {
      session.take(token);
      if (this.chat?.client.state.kind === 'stopped') await this.restart();
    } else await this.restart();
  }

  /**
   * Logs the user in: by the page's token, or as a guest; undefined: a guest has to enter a name first.
   */
  async #enter(fresh: boolean): Promise<Credentials | undefined> {
    const token = await this.#host.ask(fresh);
    if (token) {
      const me = await this.#api.me(token);
      // Elements of the same person share a session, which renews the token.
      return (known(this.#server, `user ${me.id}`)?.session as HostSession | undefined) ?? new HostSession(me, token, (again) => this.#host.ask(again));
    }
    const guests = this.#guests();
    if (guests.user) {
      await guests.token();
      return guests;
    }
    const { guests: policy } = await this.#api.admissionPolicy();
    if (policy === 'off') throw new HubbubError('no_token', m.haveToBeLoggedIn());
    const name = this.#host.getAttribute('guest-name')?.trim();
    if (!name) {
      this.#show({ kind: 'name' });
      return undefined;
    }
    await guests.guest(name);
    return guests;
  }

  /** The guest's session, which all elements for rooms of one server share. */
  #guests(): Session {
    const before = known(this.#server, 'guest')?.session;
    if (before instanceof Session) return before;
    return (this.#session ??= new Session(this.#api, browserStore(`hubbub.guest ${this.#server}`), environment()));
  }

  async #open(session: Credentials, turn: number): Promise<void> {
    const id = await this.#find(session);
    if (turn !== this.#turn) return;
    const shared = (this.#shared = acquireConnection(this.#server, session instanceof Session ? 'guest' : `user ${session.user!.id}`, this.#api, session));
    const { client } = shared;
    shared.rooms.add(id.id);
    const chat = (this.chat = this.context.chat = new Chat(client, true));
    this.#listen(client, id.id);
    if (!client.rooms.has(id.id)) void (id.member ? client.admit(id) : client.joinRoom(id)).catch((err: unknown) => {
      if (turn === this.#turn) void this.#failed(err, turn);
    });
    chat.open(id.id);
    this.#show({ kind: 'ready' });
    this.#host.tell('ready', { room: id.id, name: id.name, user: client.me.id, guest: client.me.guest });
  }

  /** Finds the room to show: by its id, or by the name of a public one. */
  async #find(session: Credentials): Promise<RoomInfo> {
    const wanted = this.#host.getAttribute('room')?.trim() ?? '';
    if (/^[A-Za-z0-9_-]{1,64}$/.test(wanted)) {
      try {
        return await session.call((token) => this.#api.room(token, wanted));
      } catch (err) {
        if (!hasCode(err, 'not_found', 'forbidden')) throw err;
      }
    }
    const name = personKey(wanted.replace(/^#/, ''));
    const found = name ? (await session.call((token) => this.#api.publicRooms(token, wanted.replace(/^#/, ''), 'active'))).list.find((r) => personKey(r.name) === name) : undefined;
    if (!found) throw new HubbubError('not_found', 'there is no such room, or you may not enter it');
    return found;
  }

  #listen(client: Client, room: string): void {
    let last = '';
    this.#off = [
      client.on('room', (id) => {
        if (id !== room) return;
        const { count, more, mentions } = client.unread(room);
        const now = `${count} ${more} ${mentions}`;
        if (now === last) return;
        last = now;
        this.#host.tell('unread', { room, count, more, mentions });
      }),
      client.on('entry', ({ room: id, entry }) => {
        if (id !== room || entry.type !== 'msg' || !('text' in entry)) return;
        this.#host.tell('message', { room, id: entry.id, user: entry.user, name: entry.name, text: entry.text, mine: entry.user === client.me.id });
      }),
      client.on('state', (state) => this.#host.tell('connection', { state: state.kind })),
      client.on('removed', ({ room: id, name, by }) => id === room && this.#close('removed', removedText(client.people.name(by), name), m.comeBack())),
      client.on('moderated', (e) => {
        if (e.target === room && (e.act === 'ban' || e.act === 'delete')) this.#close('removed', ownActText(e, client.me.id, undefined));
      }),
    ];
  }

  async #failed(err: unknown, turn: number): Promise<void> {
    if (err instanceof ConnectionLost) {
      const refused = await this.#isRefused();
      if (turn !== this.#turn) return;
      if (refused) return this.#close('origin', m.notOpenToPage({ origin: location.origin }));
      this.#close('unreachable', m.chatNotReached(), m.tryAgain());
      this.#retry = setTimeout(() => void this.restart(), this.#retryIn);
      this.#retryIn = Math.min(2 * this.#retryIn, 60_000);
    } else if (hasCode(err, 'no_token')) this.#close('no_token', describe(err));
    else if (hasCode(err, 'unauthorized', 'token_expired')) this.#close('bad_token', m.notLoggedInChat(), m.logInAgain());
    else if (hasCode(err, 'not_found')) this.#close('not_found', describe(err), m.tryAgain());
    else if (hasCode(err, 'forbidden')) this.#close('forbidden', describe(err));
    else this.#close('failed', describe(err), m.tryAgain());
  }

  /** Whether the server runs but refuses this page's origin, which browsers do not report. */
  async #isRefused(): Promise<boolean> {
    return fetch(`${this.#server}/v1/server`, { mode: 'no-cors', cache: 'no-store', credentials: 'omit' }).then(() => true, () => false);
  }

  #close(code: EmbedErrorCode, text: string, again?: string): void {
    this.#end();
    this.#show({ kind: 'closed', code, text, ...(again && { again }) });
    this.#host.tell('error', { code, message: text });
  }

  #show(stage: EmbedStage): void {
    this.stage = stage;
    this.#host.tell('state', { state: stage.kind, ...(stage.kind === 'closed' && { code: stage.code }) });
  }

  #end(): void {
    this.#turn++;
    clearTimeout(this.#retry);
    for (const off of this.#off.splice(0)) off();
    this.chat?.close();
    this.chat = this.context.chat = undefined;
    this.context.dialog = undefined;
    if (this.#shared) releaseConnection(this.#shared, () => this.#session?.close());
    this.#shared = this.#session = undefined;
  }
}
