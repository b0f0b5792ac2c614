import type { ConnectionState } from '../client/index.ts';

/** The page does not mention a loss shorter than this, ms. */
const blink = 800;
/** How long it shows that the connection is back, ms. */
const goodNews = 2_500;

/**
 * What the page says about the connection: nothing while it works or was just lost, `away` when it
 * does not work, and `back` for a moment after.
 */
export class ConnectionBanner {
  state = $state<'nothing' | 'away' | 'back'>('nothing');
  #wasOnline = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitingToSay = false;

  changed(state: ConnectionState): void {
    if (state.kind === 'idle') return;
    if (state.kind === 'online') {
      this.#stop();
      const news = this.state === 'away' && this.#wasOnline;
      this.#wasOnline = true;
      this.state = news ? 'back' : 'nothing';
      if (news) this.#timer = setTimeout(() => (this.state = 'nothing'), goodNews);
      return;
    }
    if (this.state === 'away') return;
    if (state.kind === 'offline' || state.kind === 'stopped') {
      this.#stop();
      this.state = 'away';
    } else if (!this.#waitingToSay) {
      this.#stop();
      this.#waitingToSay = true;
      this.#timer = setTimeout(() => {
        this.#waitingToSay = false;
        this.state = 'away';
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
