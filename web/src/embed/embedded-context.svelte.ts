import type { RoomContext } from '../state/room-context.ts';
import type { Dialog, Toast } from '../state/app.svelte.ts';
import { Attention } from '../state/attention.svelte.ts';
import type { Chat } from '../state/chat.svelte.ts';
import { Today } from '../state/today.svelte.ts';

/** How long a toast stays, ms. */
const toastFor = 6_000;
/** After this long without a touch the user is shown as idle, ms. */
const idleAfter = 5 * 60_000;

/** The dialogs that an element can show. */
const dialogs = ['message', 'versions', 'report', 'delete'] as const;
type Dialogs = Extract<Dialog, { kind: (typeof dialogs)[number] }>;

/** Narrows a dialog to those that an element can show, for which EmbeddedDialogs has a branch each. */
export const showable = (dialog: Dialog): dialog is Dialogs => (dialogs as readonly string[]).includes(dialog.kind);

/**
 * The surroundings of an element's one room. They leave the history, the address and the title of
 * the page alone.
 */
export class EmbeddedContext implements RoomContext {
  readonly fullPage = false;
  /** A small room does not show who comes and goes. */
  readonly appearance = { settings: { comings: 'hidden' } } as const;
  readonly today = new Today();
  chat = $state.raw<Chat | undefined>();
  toasts = $state.raw<readonly Toast[]>([]);
  /** A part of the element is in view. */
  inView = $state(true);
  #dialog = $state.raw<Dialog | undefined>();
  #toastCount = 0;
  readonly #attention = new Attention(idleAfter);
  readonly #server: string;
  readonly #observer: IntersectionObserver;
  readonly loginAgain: () => Promise<void>;

  /** `server`: where the server is, without a slash at the end. Call close at the end. */
  constructor(element: Element, server: string, loginAgain: () => Promise<void>) {
    this.#server = server;
    this.loginAgain = loginAgain;
    this.#observer = new IntersectionObserver((entries) => (this.inView = entries.at(-1)!.isIntersecting));
    this.#observer.observe(element);
  }

  close(): void {
    this.#observer.disconnect();
    this.#attention.close();
    this.today.close();
  }

  /** Messages in an element that is out of view do not count as read. */
  readonly attention = ((s: EmbeddedContext) => ({
    get here() { return s.#attention.here && s.inView; },
    get idle() { return s.#attention.idle; },
  }))(this);

  /**
   * The back button belongs to the page, so only Escape closes something here. Other places open on
   * Hubbub's own page.
   */
  readonly navigation = {
    openOverlay: () => () => undefined,
    go: (hash: string) => void window.open(this.href(hash), '_blank', 'noopener'),
  };

  get dialog(): Dialog | undefined {
    return this.#dialog;
  }
  set dialog(dialog: Dialog | undefined) {
    if (!dialog || showable(dialog)) this.#dialog = dialog;
  }

  toast(text: string): Toast {
    const toast = { key: this.#toastCount++, text };
    this.toasts = [...this.toasts.slice(-2), toast];
    setTimeout(() => (this.toasts = this.toasts.filter((t) => t !== toast)), toastFor);
    return toast;
  }

  address(path: string): string {
    return `${this.#server}/${path}`;
  }
  href(hash: string): string {
    return this.address(hash);
  }
  /** A link to a place of the server leads to its own page, as any other link does. */
  within(): undefined {
    return undefined;
  }
  follow(hash: string): void {
    this.navigation.go(hash);
  }
}
