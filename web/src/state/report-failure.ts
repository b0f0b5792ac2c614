import { describe } from '../lang/describe.ts';
import { m } from '../lang/language.svelte.ts';

/** Waits for a change, and tells the user if it failed. */
export async function reportFailure(change: Promise<unknown>, tell: (text: string) => void, failed: (_: { why: string }) => string = m.notKept): Promise<void> {
  try {
    await change;
  } catch (err) {
    tell(failed({ why: describe(err) }));
  }
}
