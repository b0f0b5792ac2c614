/** Bounds of the wait between two attempts, in ms. */
export interface Backoff {
  readonly min: number;
  readonly max: number;
}

/**
 * Returns the wait before attempt number `attempt` (0 is the first retry): it doubles up to the
 * maximum, and half of it is random, so that clients that lost the same server do not come back at
 * the same moment.
 */
export function delay(backoff: Backoff, attempt: number, random: () => number): number {
  const full = Math.min(backoff.max, backoff.min * 2 ** Math.min(attempt, 30));
  return full / 2 + (full / 2) * random();
}
