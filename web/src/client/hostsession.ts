import type { User } from './api.ts';
import { callWithToken } from './call-with-token.ts';
import { HubbubError } from './errors.ts';
import type { Credentials } from './session.ts';

/**
 * Who is logged in by a token that somebody else looks after, such as the page of another site. It
 * keeps nothing and refreshes nothing: where a newer token is needed, it asks.
 */
export class HostSession implements Credentials {
  readonly user: User;
  readonly #ask: (fresh: boolean) => Promise<string | undefined>;
  #last: string;
  #asking: Promise<string> | undefined;

  /** `token` is the user's; `ask` returns one, with `fresh` another than before if there is one. */
  constructor(user: User, token: string, ask: (fresh: boolean) => Promise<string | undefined>) {
    this.user = user;
    this.#last = token;
    this.#ask = ask;
  }

  async token(fresh = false): Promise<string> {
    if (!fresh) return this.#last;
    return (this.#asking ??= this.#renew().finally(() => (this.#asking = undefined)));
  }

  get last(): string {
    return this.#last;
  }

  call<T>(request: (token: string) => Promise<T>): Promise<T> {
    return callWithToken(this, request);
  }

  /** Takes a token that the user has been given meanwhile. */
  take(token: string): void {
    this.#last = token;
  }

  async #renew(): Promise<string> {
    const next = await this.#ask(true);
    if (!next || next === this.#last) throw new HubbubError('unauthorized', 'The log-in has ended.');
    return (this.#last = next);
  }
}
