import type { Api, AdmissionPolicy, Grant, User } from './api.ts';
import { callWithToken } from './call-with-token.ts';
import { Emitter } from './emitter.ts';
import type { Environment } from './environment.ts';
import { hasCode, HubbubError } from './errors.ts';
import { newID } from './id.ts';

/** Where the grant is kept; several pages may share one. */
export interface SessionStore {
  load(): Grant | undefined;
  save(grant: Grant | undefined): void;
  /** Calls back when another page saved. Returns the function that ends it. */
  watch(changed: () => void): () => void;
  /**
   * Whether the server has still to hear of a log-out, and to remove the cookie with the refresh
   * token.
   */
  readonly leaving: boolean;
  setLeaving(leaving: boolean): void;
  /** Runs `work` while no other page runs theirs, as far as the platform can guarantee it. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/** What a client needs of whoever is logged in: a Session, or a HostSession. */
export type Credentials = Pick<Session, 'user' | 'token' | 'call'>;

interface Events {
  /** Somebody logged in or out, or the session ended; undefined: nobody is logged in. */
  user: User | undefined;
}

/** How long before its end a token is replaced: a fifth of its life, but at most this, ms. */
const maxLead = 60_000;

/**
 * Who is logged in, and a valid token. It replaces tokens before they expire and when the server
 * asks; pages that share a store share one grant, and only one of them fetches the next.
 */
export class Session extends Emitter<Events> {
  #grant: Grant | undefined;
  #received: number;
  #refreshing: Promise<string> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #unwatch: () => void;
  readonly #api: Api;
  readonly #store: SessionStore;
  readonly #env: Environment;

  constructor(api: Api, store: SessionStore, env: Environment) {
    super();
    this.#api = api;
    this.#store = store;
    this.#env = env;
    this.#grant = store.load();
    this.#received = env.now();
    const unwatchStore = store.watch(() => this.#adopt(store.load()));
    const unwatchNetwork = env.watch(() => void this.#leave());
    this.#unwatch = () => {
      unwatchStore();
      unwatchNetwork();
    };
    this.#schedule();
    void this.#leave();
  }

  get user(): User | undefined {
    return this.#grant?.user;
  }

  async login(name: string, password: string): Promise<void> {
    await this.#enter(() => this.#api.login(name, password));
  }
  async register(name: string, password: string, invitation?: string): Promise<void> {
    await this.#enter(() => this.#api.register(name, password, invitation));
  }
  /** Makes the user of a set-up link the operator, and logs them in. */
  async setUp(link: string, name: string, password: string): Promise<void> {
    await this.#enter(() => this.#api.setUp(link, name, password));
  }
  /** Who may come in. */
  admissionPolicy(invitation?: string): Promise<AdmissionPolicy> {
    return this.#api.admissionPolicy(invitation);
  }
  async guest(name: string): Promise<void> {
    await this.#enter(() => this.#api.guest(name));
  }

  /** Makes the guest who is logged in a registered user: rooms, messages and the log-in stay. */
  async keepAccount(name: string, password: string, invitation?: string): Promise<void> {
    const next = await this.call((token) => this.#api.keepAccount(token, name, password, invitation));
    const { refreshToken, attempt } = this.#grant ?? {};
    this.#keep({ ...next, ...(refreshToken && { refreshToken }), ...(attempt && { attempt }) });
  }

  /** Forgets the session on this page at once, and tells the server if it can be reached. */
  async logout(): Promise<void> {
    const grant = this.#grant;
    this.#keep(undefined);
    if (!grant) return;
    if (grant.refreshToken) {
      await this.#api.logout(grant.token).catch(() => undefined);
      return;
    }
    this.#store.setLeaving(true);
    await this.#leave();
  }

  /**
   * Returns a token that is valid, as far as the clock can tell; with `fresh`, one that is newer
   * than the last. Rejects with the code `unauthorized` when the session is over; then nobody is
   * logged in any more.
   */
  async token(fresh = false): Promise<string> {
    if (!this.#grant) throw new HubbubError('unauthorized', 'You are not logged in.');
    if (!fresh && this.#env.now() < this.#grant.expiresAt) return this.#grant.token;
    return (this.#refreshing ??= this.#refresh(this.#grant.token).finally(() => (this.#refreshing = undefined)));
  }

  /** The last token. */
  get last(): string | undefined {
    return this.#grant?.token;
  }

  call<T>(request: (token: string) => Promise<T>): Promise<T> {
    return callWithToken(this, request);
  }

  /** Ends the timers and stops watching the store. */
  close(): void {
    clearTimeout(this.#timer);
    this.#unwatch();
  }

  /**
   * Logs in, but first tells the server of an earlier log-out that it has not heard of: the cookie
   * will belong to the next log-in.
   */
  async #enter(way: () => Promise<Grant>): Promise<void> {
    await this.#leave();
    const grant = await way();
    this.#store.setLeaving(false);
    this.#keep(grant);
  }

  /**
   * Tells the server of a log-out that it has not heard of. If that fails, it is told another time.
   */
  async #leave(): Promise<void> {
    if (!this.#store.leaving) return;
    try {
      await this.#api.end();
    } catch (err) {
      if (hasCode(err, 'unavailable', 'rate_limited') || !(err instanceof HubbubError)) return;
    }
    this.#store.setLeaving(false);
  }

  #refresh(old: string): Promise<string> {
    return this.#store.exclusively(async () => {
      const stored = this.#store.load();
      if (stored && stored.token !== old && this.#env.now() < stored.expiresAt) {
        this.#adopt(stored); // another page was faster
        return stored.token;
      }
      if (!stored) this.#adopt(undefined);
      // The stored grant may be newer than this page's, if the page was asleep: the older one has
      // been used.
      const grant = stored && this.#grant ? stored : this.#grant;
      if (!grant) throw new HubbubError('unauthorized', 'You are not logged in.');
      try {
        const attempt = grant.attempt ?? newID();
        // It is stored before the request: this device may fall asleep before the answer comes.
        if (!grant.attempt) this.#store.save((this.#grant = { ...grant, attempt }));
        const next = await this.#api.refresh(grant.refreshToken, attempt);
        // The user may have logged out while the request was under way.
        if (!this.#grant) throw new HubbubError('unauthorized', 'You are not logged in.');
        this.#keep(next);
        return next.token;
      } catch (err) {
        if (hasCode(err, 'unauthorized', 'token_expired', 'forbidden')) {
          this.#keep(undefined);
          throw new HubbubError('unauthorized', 'Your session has ended. Please log in again.');
        }
        throw err;
      }
    });
  }

  #keep(grant: Grant | undefined): void {
    // Where this clock is wrong, the server's time says nothing.
    const kept = grant?.life ? { ...grant, expiresAt: this.#env.now() + grant.life } : grant;
    this.#store.save(kept);
    this.#adopt(kept);
  }

  #adopt(grant: Grant | undefined): void {
    const before = this.#grant?.user;
    this.#grant = grant;
    this.#received = this.#env.now();
    this.#schedule();
    const now = grant?.user;
    if (before?.id !== now?.id || before?.name !== now?.name || before?.guest !== now?.guest) this.emit('user', grant?.user);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.#grant) return;
    const life = Math.max(0, this.#grant.expiresAt - this.#received);
    // At most a day ahead: timers cannot wait longer than 2^31 ms.
    const wait = Math.min(Math.max(life - Math.min(maxLead, life / 5), 1_000), 86_400_000);
    this.#timer = setTimeout(() => {
      if (this.#grant && this.#env.now() < this.#grant.expiresAt - maxLead * 2) this.#schedule();
      else this.token(true).catch(() => this.#grant && this.#retrySoon());
    }, wait);
  }

  #retrySoon(): void {
    this.#timer = setTimeout(() => this.token(true).catch(() => this.#grant && this.#retrySoon()), 10_000 + 10_000 * this.#env.random());
  }
}
