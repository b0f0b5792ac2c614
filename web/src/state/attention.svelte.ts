/** Whether somebody is looking at the page, and whether they have done anything lately. */
export class Attention {
  /** The page is visible and has the focus. */
  here = $state(false);
  /** Nothing was touched for a while. */
  idle = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #abort = new AbortController();

  /** Starts to listen; `idleAfter` in ms. Call close at the end. */
  constructor(idleAfter: number) {
    const { signal } = this.#abort;
    const look = () => (this.here = document.visibilityState === 'visible' && document.hasFocus());
    const touched = () => {
      this.idle = false;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => (this.idle = true), idleAfter);
    };
    look();
    touched();
    document.addEventListener('visibilitychange', look, { signal });
    for (const type of ['focus', 'blur']) window.addEventListener(type, look, { signal });
    for (const type of ['pointerdown', 'pointermove', 'keydown', 'focus']) window.addEventListener(type, touched, { signal, passive: true });
  }

  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }
}
