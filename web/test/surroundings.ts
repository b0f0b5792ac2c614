import type { Environment, SessionStore } from '../src/client/index.ts';
import type { Grant } from '../src/client/index.ts';

/** An environment that the test changes: the network and the clock, and nothing random. */
export class Surroundings implements Environment {
  isOnline = true;
  /** How far the clock is ahead, ms. */
  ahead = 0;
  readonly #watchers = new Set<() => void>();

  online(): boolean {
    return this.isOnline;
  }
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }
  random(): number {
    return 0;
  }
  now(): number {
    return Date.now() + this.ahead;
  }

  /** The network comes or goes, or with the present value: the page is shown again. */
  set(online: boolean): void {
    this.isOnline = online;
    for (const changed of this.#watchers) changed();
  }
}

/** A session store that several sessions may share, as tabs do. */
export class SharedStore implements SessionStore {
  grant: Grant | undefined;
  readonly #watchers = new Set<() => void>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(grant?: Grant) {
    this.grant = grant;
  }
  leaving = false;
  load(): Grant | undefined {
    return this.grant;
  }
  setLeaving(leaving: boolean): void {
    this.leaving = leaving;
  }
  save(grant: Grant | undefined): void {
    this.grant = grant;
    for (const changed of this.#watchers) changed();
  }
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#queue.then(work, work);
    this.#queue = next.catch(() => undefined);
    return next;
  }
}

const setRealTimeout = setTimeout;

/**
 * Resolves when the condition holds, also where the test has stopped the clock; the test's own time
 * limit ends the wait.
 */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setRealTimeout(resolve, 1));
}
