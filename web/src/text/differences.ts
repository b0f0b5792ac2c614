import { diffArrays } from 'diff';

/** A part of a text, as it differs from the text before. */
export interface DiffPiece {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

/** The greatest number of changed words: a text with more of them counts as replaced. */
const most = 500;

/** Compares a text with the one before by words: what was removed stands before what was added. */
export function differences(before: string, now: string): DiffPiece[] {
  const changes = diffArrays(words(before), words(now), { maxEditLength: most });
  if (changes) return changes.map((c) => ({ kind: c.added ? 'added' : c.removed ? 'removed' : 'same', text: c.value.join('') }));
  return [{ kind: 'removed', text: before }, { kind: 'added', text: now }];
}

/** Splits a text into words, and what stands between them. */
function words(text: string): string[] {
  if (!('Segmenter' in Intl)) return text.match(/\s+|[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu) ?? [];
  return Array.from(new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text), (s) => s.segment);
}
