// The script that pages of other sites include: it defines <hubbub-chat>, and loads the rest when
// there is such an element. It keeps its name in every release, so it is small, and imports nothing
// that has to be of the same build.

/** The name of the style sheet, which the build inserts. */
declare const HUBBUB_STYLE_SHEET: string;

/** The part of an element that the rest of the code uses. */
export interface ChatElement extends HTMLElement {
  /** Where the server is, without a slash at the end. */
  readonly address: string;
  /** Returns the user's token, if the page has one; `fresh`: another one than before. */
  ask(fresh: boolean): Promise<string | undefined>;
  /** Dispatches the event `hubbub-…` to the page. */
  tell(what: string, detail: object): void;
}

/** Gives a token, and with `fresh` one that is newer than the last. */
export type GetToken = (about: { readonly fresh: boolean }) => string | undefined | Promise<string | undefined>;

const properties = ['server', 'room', 'token', 'getToken'] as const;
const first = new CSSStyleSheet();
first.replaceSync(':host{display:block;box-sizing:border-box;height:480px;min-height:200px}:host([hidden]){display:none}');
let style: Promise<CSSStyleSheet> | undefined;

/** The style sheet, as a constructed one: a policy against inline style sheets does not forbid that. */
function sheet(): Promise<CSSStyleSheet> {
  return (style ??= fetch(new URL(HUBBUB_STYLE_SHEET, import.meta.url), { credentials: 'omit' }).then(async (r) => {
    if (!r.ok) throw new Error(`the style sheet of hubbub-chat: status ${r.status}`);
    const made = new CSSStyleSheet();
    made.replaceSync(await r.text());
    return made;
  }).catch((err: unknown) => {
    style = undefined;
    throw err;
  }));
}

/** A room of a Hubbub server. See docs/embed.md. */
class HubbubChat extends HTMLElement implements ChatElement {
  static readonly observedAttributes = ['server', 'room', 'token', 'guest-name', 'lang'];
  #getToken: GetToken | undefined;
  #inner: { take(token: string): void; speak(): void; restart(): void; focus(): void; close(): void } | undefined;
  #loading = false;
  readonly #root = this.attachShadow({ mode: 'open' });

  connectedCallback(): void {
    // A property that was set before the element was defined hides its accessor.
    for (const name of properties) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      Object.assign(this, { [name]: value });
    }
    if (!this.#inner) void this.#start();
  }
  disconnectedCallback(): void {
    // An element that is moved is connected again at once.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#inner?.close();
      this.#inner = undefined;
    });
  }
  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (!this.#inner || before === now) return;
    if (name === 'token') this.#inner.take(now ?? '');
    else if (name === 'server') this.reconnect();
    else if (name === 'lang') this.#inner.speak();
    else this.#inner.restart();
  }

  /** Where the server is; by default where the script came from. */
  get server(): string {
    return this.getAttribute('server') ?? '';
  }
  set server(address: string) {
    this.setAttribute('server', address);
  }
  /** The room: its id, or the name of a public one. */
  get room(): string {
    return this.getAttribute('room') ?? '';
  }
  set room(room: string) {
    this.setAttribute('room', room);
  }
  get token(): string {
    return this.getAttribute('token') ?? '';
  }
  set token(token: string) {
    if (token) this.setAttribute('token', token);
    else this.removeAttribute('token');
  }
  get getToken(): GetToken | undefined {
    return this.#getToken;
  }
  set getToken(get: GetToken | undefined) {
    this.#getToken = get;
    this.#inner?.restart();
  }

  /** Starts again, with another token if there is one. */
  reconnect(): void {
    this.#inner?.close();
    this.#inner = undefined;
    if (this.isConnected) void this.#start();
  }
  /** Puts the caret into the field for messages. */
  override focus(): void {
    this.#inner?.focus();
  }

  get address(): string {
    return new URL(this.server || '.', this.server ? document.baseURI : import.meta.url).href.replace(/\/+$/, '');
  }
  async ask(fresh: boolean): Promise<string | undefined> {
    if (this.#getToken) return (await this.#getToken({ fresh })) || undefined;
    if (fresh) this.tell('token-expired', {});
    return this.token || undefined;
  }
  tell(what: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(`hubbub-${what}`, { detail, bubbles: true, composed: true }));
  }

  async #start(): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    this.#root.adoptedStyleSheets = [first];
    try {
      const [{ show, speakFor }, css] = await Promise.all([import('./show.ts'), sheet()]);
      await speakFor(this);
      this.#root.adoptedStyleSheets = [first, css];
      if (this.isConnected && !this.#inner) this.#inner = show(this, this.#root);
    } catch {
      this.#root.textContent = 'The chat cannot be loaded now.';
      this.tell('error', { code: 'unreachable', message: 'The chat cannot be loaded now.' });
    } finally {
      this.#loading = false;
    }
  }
}

if (!customElements.get('hubbub-chat')) customElements.define('hubbub-chat', HubbubChat);
