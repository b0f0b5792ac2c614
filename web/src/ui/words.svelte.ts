import { asTyped, type Block, type For, isMarked, saying } from '../text/typed.ts';

type Marked = typeof import('./marked.ts');

/** The code for texts with marks loads on demand: it would be a fifth of the first load, and most texts have none. */
let loaded = $state.raw<Marked>();
let loading: Promise<void> | undefined;

/** The code that shows texts with marks; until it has loaded, they stand as typed. */
export function marked(): Marked | undefined {
  if (!loaded) loading ??= import('./marked.ts').then((m) => void (loaded = m), () => void (loading = undefined));
  return loaded;
}

/** Splits a message into parts, each of which has its own look. */
export function markdown(text: string, me?: For): Block[] {
  return (isMarked(text) && marked()?.markdown(text, me)) || asTyped(text, me);
}

/** Whether a text looks different from how it was typed. */
export function formatted(text: string): boolean {
  return isMarked(text) && marked()?.formatted(text) === true;
}

/**
 * A message as plain text, for lists, notifications and screen readers.
 */
export function plain(text: string): string {
  return saying(markdown(text));
}

/** The beginning of a message as plain text, for one line. */
export function preview(text: string): string {
  return plain(text.slice(0, 300));
}
