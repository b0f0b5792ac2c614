import type { Client } from '../client/index.ts';
import { ownEmoji } from '../text/typed.ts';

/** How long a name that is unknown stays so before the server is asked again, ms. */
const again = 60_000;

const form = new RegExp(`^${ownEmoji}$`);

/** The emoji of the server's own: asked for when somebody shows or looks for one. */
export class OwnEmoji {
  /** Addresses of the images, by name. */
  #images = $state.raw<ReadonlyMap<string, string>>(new Map());
  #asked = -again;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Returns the address of the image of `:name:`; undefined: there is none, as far as is known. */
  image(text: string): string | undefined {
    if (!form.test(text)) return undefined;
    const image = this.#images.get(text.slice(1, -1));
    if (!image) this.#ask();
    return image;
  }

  /** Returns their names, in order. */
  get names(): readonly string[] {
    this.#ask();
    return [...this.#images.keys()];
  }

  /** Returns those of which this is the beginning of the name or of a word in it, as they are written. */
  complete(begun: string): readonly string[] {
    const wanted = begun.toLowerCase();
    return this.names.filter((name) => name.startsWith(wanted) || name.split(/[_-]/).includes(wanted)).map((name) => `:${name}:`);
  }

  /** Asks the server anew, such as after a change. */
  async reload(): Promise<void> {
    this.#asked = performance.now();
    const { directory } = this.#client;
    const { emoji } = (await directory.request('GET', '/v1/emoji')) as { emoji?: readonly { name: string; image: string }[] };
    this.#images = new Map((emoji ?? []).map((e) => [e.name, directory.address(e.image)]));
  }

  #ask(): void {
    // What it shows stays as text if the server does not answer, or knows none.
    if (performance.now() - this.#asked >= again) void this.reload().catch(() => undefined);
  }
}
