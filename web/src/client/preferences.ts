import type { Directory } from './directory.ts';
import { Emitter } from './emitter.ts';
import { hasCode } from './errors.ts';

/** What a user has chosen for how things are shown, as the server keeps it. */
export interface StoredPreferences {
  /** 0: nothing was kept yet. */
  readonly version: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Another device may change them at the same time, so often at most. */
const tries = 5;

/**
 * The preferences of the user, which follow them to their other devices: an object, of which
 * everybody leaves what they do not know as it is.
 */
export class Preferences extends Emitter<{ changed: undefined }> {
  readonly #directory: Directory;
  #stored: StoredPreferences = { version: 0, values: {} };
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: Directory) {
    super();
    this.#directory = directory;
  }

  get values(): Readonly<Record<string, unknown>> {
    return this.#stored.values;
  }

  /** Takes what the server has told. */
  update(kept: StoredPreferences): void {
    if (kept.version < this.#stored.version) return; // it was overtaken
    this.#stored = kept;
    this.emit('changed', undefined);
  }

  /** Asks the server for what it has. */
  async renew(): Promise<void> {
    this.update(await this.#directory.preferences());
  }

  /**
   * Changes them, one change after the other. It is seen at once, and taken back if the server
   * does not take it; what another device has changed meanwhile stays.
   */
  change(change: (values: Readonly<Record<string, unknown>>) => Record<string, unknown>): Promise<void> {
    const done = this.#last.catch(() => undefined).then(() => this.#change(change));
    this.#last = done;
    return done;
  }

  async #change(change: (values: Readonly<Record<string, unknown>>) => Record<string, unknown>): Promise<void> {
    for (let left = tries; ; left--) {
      const before = this.#stored;
      const values = { ...before.values, ...change(before.values) };
      this.#stored = { ...before, values };
      this.emit('changed', undefined);
      try {
        this.update(await this.#directory.putPreferences({ version: before.version, values }));
        return;
      } catch (err) {
        if (this.#stored.version === before.version) {
          this.#stored = before;
          this.emit('changed', undefined);
        }
        if (!hasCode(err, 'conflict') || left <= 1) throw err;
        await this.renew();
      }
    }
  }
}
