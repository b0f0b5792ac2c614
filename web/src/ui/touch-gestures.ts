/** To ask the browser for each message takes longer than to draw its text. */
const touch = typeof matchMedia === 'undefined' ? undefined : matchMedia('(any-pointer: coarse)');

/** Attaches the gestures of touch screens to a message. Their code loads where there is such a screen. */
export const touchGestures = (press: () => void, swipe: () => (() => void) | undefined) => (e: HTMLElement) => {
  if (!touch?.matches) return undefined;
  let end: (() => void) | void;
  let gone = false;
  void import('./gestures.ts').then(({ gestures }) => { if (!gone) end = gestures(press, swipe)(e); }, () => undefined);
  return () => {
    gone = true;
    end?.();
  };
};
