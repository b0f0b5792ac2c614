type Handlers<Events> = { [K in keyof Events]?: Set<(payload: Events[K]) => void> };

/**
 * A typed list of listeners. Listeners run in the order they were added, and may be removed while
 * they run.
 */
export class Emitter<Events> {
  readonly #handlers: Handlers<Events> = {};

  /** Adds a listener and returns the function that removes it. */
  on<K extends keyof Events>(event: K, handler: (payload: Events[K]) => void): () => void {
    const set = (this.#handlers[event] ??= new Set());
    set.add(handler);
    return () => set.delete(handler);
  }

  emit<K extends keyof Events>(event: K, payload: Events[K]): void {
    for (const handler of this.#handlers[event] ?? []) handler(payload);
  }
}
