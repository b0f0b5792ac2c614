import type { Page } from '../client/index.ts';
import { describe } from '../lang/describe.ts';

/** A list that is shown a page at a time. Only the answer to the latest question counts. */
export class Paged<T> {
  /** Undefined: no page has arrived yet. */
  list = $state.raw<readonly T[]>();
  loading = $state(false);
  /** Why the latest question failed. */
  problem = $state<string>();
  #next = $state<string>();
  #load: (cursor?: string) => Promise<Page<T>>;
  #question = 0;
  /** What the latest question was about. */
  #cursor: string | undefined;

  constructor(load: (cursor?: string) => Promise<Page<T>>) {
    this.#load = load;
  }

  /** There are more pages. */
  get more(): boolean {
    return this.#next !== undefined;
  }

  /**
   * Loads the list anew, or another list if `load` is given; the old one stays until the answer
   * comes, unless it is another list.
   */
  async reload(load?: (cursor?: string) => Promise<Page<T>>): Promise<void> {
    if (load) {
      this.#load = load;
      this.list = undefined;
      this.#next = undefined;
    }
    await this.#ask();
  }

  /** Loads the next page. */
  async further(): Promise<void> {
    if (this.#next !== undefined) await this.#ask(this.#next);
  }

  /** Asks the latest question again. */
  async retry(): Promise<void> {
    await this.#ask(this.#cursor);
  }

  async #ask(cursor?: string): Promise<void> {
    const question = ++this.#question;
    this.#cursor = cursor;
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
