import { describe } from '../lang/describe.ts';
import type { Place } from '../state/place.ts';

/** Waits for an action, or tells the user that it failed. */
export async function attemptIn(place: Pick<Place, 'toast'>, work: Promise<unknown>, failed: (_: { why: string }) => string): Promise<void> {
  try {
    await work;
  } catch (err) {
    place.toast(failed({ why: describe(err) }));
  }
}
