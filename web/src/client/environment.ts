/** What the client needs to know of where it runs. */
export interface Environment {
  /** Whether the machine has a network at all. */
  online(): boolean;
  /**
   * Calls back when the network comes or goes, or the page is shown again. Returns the function
   * that ends it.
   */
  watch(changed: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
  /** The wall clock, UTC milliseconds. */
  now(): number;
}

/** The browser page that the code runs in; elsewhere a machine that is always online. */
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
