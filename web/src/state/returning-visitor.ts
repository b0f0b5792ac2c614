/**
 * Whether somebody has used this browser with this server before: the page remembers that somebody
 * came in, and not who. Without storage, it lasts as long as the page.
 */
export class ReturningVisitor {
  readonly #key: string;
  #here = false;

  constructor(key: string) {
    this.#key = key;
  }

  get returning(): boolean {
    try {
      return this.#here || localStorage.getItem(this.#key) !== null;
    } catch {
      return this.#here;
    }
  }

  /** Remembers that somebody has come in. */
  remember(): void {
    this.#here = true;
    try {
      localStorage.setItem(this.#key, '1');
    } catch {
      // It lasts as long as the page.
    }
  }
}
