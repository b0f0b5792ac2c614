import { Lazy } from '../state/lazy.svelte.ts';
import { asTyped, type Block, type MentionContext, isMarked, blocksText } from '../text/typed.ts';

/**
 * Shows texts with marks, which most texts lack. It would be a fifth of the first load. Until it is
 * here, they stand as typed.
 */
export const markdownCode = new Lazy(() => import('./markdown-code.ts'));

/** Splits a message into parts, each of which has its own look. */
export function markdown(text: string, me?: MentionContext): Block[] {
  return (isMarked(text) && markdownCode.now?.markdown(text, me)) || asTyped(text, me);
}

/** Whether a text looks different from how it was typed. */
export function formatted(text: string): boolean {
  return isMarked(text) && markdownCode.now?.formatted(text) === true;
}

/**
 * A message as plain text, for lists, notifications and screen readers.
 */
export function plain(text: string): string {
  return blocksText(markdown(text));
}

/** The beginning of a message as plain text, for one line. */
export function preview(text: string): string {
  return plain(text.slice(0, 300));
}
