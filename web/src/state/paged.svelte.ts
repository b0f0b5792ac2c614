import { describe, type Page } from '../client/index.ts';

/** A list that is shown a page at a time. Of two answers the one to the last question counts. */
export class Paged<T> {
  /** Undefined: nothing has come yet. */
  list = $state.raw<readonly T[]>();
  loading = $state(false);
  /** What went wrong with the last question. */
  problem = $state<string>();
  #next = $state<string>();
  #load: (cursor?: string) => Promise<Page<T>>;
  #question = 0;

  constructor(load: (cursor?: string) => Promise<Page<T>>) {
    this.#load = load;
  }

  /** There is more to ask for. */
  get more(): boolean {
    return this.#next !== undefined;
  }

  /**
   * Asks for the list anew, as something else if that is given; what is shown stays until it comes,
   * unless it is of something else.
   */
  async reload(load?: (cursor?: string) => Promise<Page<T>>): Promise<void> {
    if (load) {
      this.#load = load;
      this.list = undefined;
      this.#next = undefined;
    }
    await this.#ask();
  }

  /** Asks for the next page. */
  async further(): Promise<void> {
    if (this.#next !== undefined) await this.#ask(this.#next);
  }

  async #ask(cursor?: string): Promise<void> {
    const question = ++this.#question;
    this.loading = true;
    this.problem = undefined;
    try {
      const { list, next } = await this.#load(cursor);
      if (question !== this.#question) return;
      this.list = cursor === undefined ? list : [...(this.list ?? []), ...list];
      this.#next = next;
    } catch (err) {
      if (question === this.#question) this.problem = describe(err);
    } finally {
      if (question === this.#question) this.loading = false;
    }
  }
}
