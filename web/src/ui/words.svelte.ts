import { asTyped, type Block, type For, isMarked, saying } from '../text/typed.ts';

type Marked = typeof import('./marked.ts');

/** What texts with marks need: a fifth of what a first look would load, and most texts have none. */
let loaded = $state.raw<Marked>();
let loading: Promise<void> | undefined;

/** What is needed to show texts with marks; until it is here they stand as they were typed. */
export function marked(): Marked | undefined {
  if (!loaded) loading ??= import('./marked.ts').then((m) => void (loaded = m), () => void (loading = undefined));
  return loaded;
}

/** Splits a message into what is shown each in its own way. */
export function markdown(text: string, me?: For): Block[] {
  return (isMarked(text) && marked()?.markdown(text, me)) || asTyped(text, me);
}

/** Whether a text is shown in any other way than it was typed. */
export function formatted(text: string): boolean {
  return isMarked(text) && marked()?.formatted(text) === true;
}

/**
 * What a message says, for where there is no room for how: lists, notifications, screen readers.
 */
export function plain(text: string): string {
  return saying(markdown(text));
}

/** The beginning of what a message says, for one line. */
export function preview(text: string): string {
  return plain(text.slice(0, 300));
}
