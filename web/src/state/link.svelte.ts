import type { ConnectionState } from '../client/index.ts';

/** The page does not mention a loss shorter than this, ms. */
const blink = 800;
/** How long it shows that the connection is back, ms. */
const goodNews = 2_500;

/**
 * What the page says about the connection: nothing while it works or was just lost, `away` when it
 * does not work, and `back` for a moment after.
 */
export class Link {
  bannerState = $state<'nothing' | 'away' | 'back'>('nothing');
  #wasOnline = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitingToSay = false;

  changed(state: ConnectionState): void {
    if (state.kind === 'idle') return;
    if (state.kind === 'online') {
      this.#stop();
      const news = this.bannerState === 'away' && this.#wasOnline;
      this.#wasOnline = true;
      this.bannerState = news ? 'back' : 'nothing';
      if (news) this.#timer = setTimeout(() => (this.bannerState = 'nothing'), goodNews);
      return;
    }
    if (this.bannerState === 'away') return;
    if (state.kind === 'offline' || state.kind === 'stopped') {
      this.#stop();
      this.bannerState = 'away';
    } else if (!this.#waitingToSay) {
      this.#stop();
      this.#waitingToSay = true;
      this.#timer = setTimeout(() => {
        this.#waitingToSay = false;
        this.bannerState = 'away';
      }, blink);
    }
  }

  close(): void {
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#waitingToSay = false;
  }
}
