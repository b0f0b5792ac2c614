/** Code that loads when it is first wanted; after a failure, when it is wanted again. */
export class Lazy<T> {
  #loaded = $state.raw<T>();
  #loading: Promise<T> | undefined;
  readonly #import: () => Promise<T>;

  constructor(load: () => Promise<T>) {
    this.#import = load;
  }

  /** The code, once it is here; undefined: it is being loaded. */
  get now(): T | undefined {
    if (!this.#loaded) void this.load().catch(() => undefined);
    return this.#loaded;
  }

  /** Loads the code, if it is not here yet. */
  load(): Promise<T> {
    return (this.#loading ??= this.#import().then((code) => (this.#loaded = code), (err: unknown) => {
      this.#loading = undefined;
      throw err;
    }));
  }
}
