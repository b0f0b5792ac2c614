/** What the client needs to know about its surroundings. */
export interface Environment {
  /** Whether the device has a network. */
  online(): boolean;
  /**
   * Calls back when the network comes or goes, or the page becomes visible again. Returns the
   * function that stops it.
   */
  watch(changed: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
  /** The wall clock, UTC milliseconds. */
  now(): number;
}

/** The surroundings of a browser's page; elsewhere, those of a machine that is always online. */
export function environment(): Environment {
  return {
    online: () => typeof navigator === 'undefined' || navigator.onLine !== false,
    random: Math.random,
    now: Date.now,
    watch(changed) {
      if (typeof window === 'undefined') return () => undefined;
      const shown = () => document.visibilityState === 'visible' && changed();
      window.addEventListener('online', changed);
      window.addEventListener('offline', changed);
      document.addEventListener('visibilitychange', shown);
      return () => {
        window.removeEventListener('online', changed);
        window.removeEventListener('offline', changed);
        document.removeEventListener('visibilitychange', shown);
      };
    },
  };
}
