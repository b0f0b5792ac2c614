import type { Client, Message } from '../client/index.ts';
import { readNames, savedKey } from '../client/saved.ts';

/** Which messages the user has saved: asked for when somebody first wants to know. */
export class Saved {
  /** Undefined: nobody has asked yet, or the server has not answered. */
  #names = $state.raw<ReadonlySet<string>>();
  /** How often it has changed, here or on another device. */
  changes = $state(0);
  #asked = false;
  readonly #client: Client;
  readonly #off: () => void;

  constructor(client: Client) {
    this.#client = client;
    this.#off = client.on('changed', (list) => list === 'saved' && this.#changed());
  }

  close(): void {
    this.#off();
  }

  has(m: Message): boolean {
    if (!this.#asked) void this.#ask();
    return this.#names?.has(savedKey(m.room, m.user, m.id)) ?? false;
  }

  /** Saves a message, or saves it no more. */
  async put(m: Message, on: boolean): Promise<void> {
    const path = [m.room, m.user, m.id].map(encodeURIComponent).join('/');
    await this.#client.directory.request(on ? 'PUT' : 'DELETE', `/v1/saved/${path}`);
    const names = new Set(this.#names);
    if (on) names.add(savedKey(m.room, m.user, m.id));
    else names.delete(savedKey(m.room, m.user, m.id));
    this.#names = names;
    this.changes++;
  }

  #changed(): void {
    this.changes++;
    if (this.#asked) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#asked = true;
    try {
      this.#names = readNames(await this.#client.directory.request('GET', '/v1/saved/names'));
    } catch {
      this.#asked = this.#names !== undefined; // then when somebody wants to know again
    }
  }
}
