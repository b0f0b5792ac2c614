/** A part of a text, as it differs from the text before. */
export interface Piece {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

/** How many pairs of words are compared at most: beyond that the middle counts as replaced. */
const most = 4_000_000;

/** Tells a text from the one before by words: what was removed stands before what was added. */
export function differences(before: string, now: string): Piece[] {
  const [old, young] = [words(before), words(now)] as const;
  let start = 0;
  while (start < old.length && start < young.length && old[start] === young[start]) start++;
  let end = 0;
  while (end < old.length - start && end < young.length - start && old.at(-1 - end) === young.at(-1 - end)) end++;
  const pieces: { kind: Piece['kind']; text: string }[] = [];
  const add = (kind: Piece['kind'], text: string) => {
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += text;
    else if (text) pieces.push({ kind, text });
  };
  add('same', young.slice(0, start).join(''));
  between(old.slice(start, old.length - end), young.slice(start, young.length - end), add);
  add('same', young.slice(young.length - end).join(''));
  return pieces;
}

/** Tells words apart that differ in the first and in the last, by their longest common subsequence. */
function between(old: readonly string[], young: readonly string[], add: (kind: Piece['kind'], text: string) => void): void {
  if (old.length * young.length > most) {
    add('removed', old.join(''));
    add('added', young.join(''));
    return;
  }
  // How many words what follows two places has in common.
  const width = young.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = young.length - 1; j >= 0; j--) {
      common[i * width + j] = old[i] === young[j] ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  let [i, j] = [0, 0];
  while (i < old.length || j < young.length) {
    if (i < old.length && j < young.length && old[i] === young[j]) {
      add('same', young[j]!);
      i++;
      j++;
    } else if (i < old.length && (j === young.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) add('removed', old[i++]!);
    else add('added', young[j++]!);
  }
}

/** Splits a text into words, and what stands between them. */
function words(text: string): string[] {
  if (!('Segmenter' in Intl)) return text.match(/\s+|[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu) ?? [];
  return Array.from(new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text), (s) => s.segment);
}
