/** The rows of a list that are in the document: from one index up to, not including, another. */
export interface Slice {
  readonly from: number;
  readonly to: number;
}

/**
 * How far rows that stand in the document reach beyond the view, px; negative: a gap is in view.
 */
export interface Reach {
  readonly above: number;
  readonly below: number;
}

/** The most rows in the document, however high the view is. */
export const mostRows = 380;
/** How far rows should reach beyond the view: its height, within these bounds, px. */
const reach = { least: 400, most: 900 } as const;

/** The heights of rows: measured, or else the average of their kind. A row is known by its key. */
export class Heights {
  readonly #known = new Map<string, number>();
  readonly #kinds = new Map<string, { sum: number; count: number }>();

  /** Returns the height of a row, px; `kind` groups rows of similar height. */
  of(key: string, kind: string): number {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const like = this.#kinds.get(kind);
    return like ? like.sum / like.count : 40;
  }

  knows(key: string): boolean {
    return this.#known.has(key);
  }

  measured(key: string, kind: string, height: number): void {
    const like = this.#kinds.get(kind) ?? { sum: 0, count: 0 };
    const before = this.#known.get(key);
    like.sum += height - (before ?? 0);
    if (before === undefined) like.count++;
    this.#kinds.set(kind, like);
    this.#known.set(key, height);
  }

  /**
   * Forgets all measurements: they were taken at another width, or with another size of letters.
   */
  clear(): void {
    this.#known.clear();
    this.#kinds.clear();
  }

  /**
   * Forgets all rows except those with one of the keys, so that memory does not grow with what
   * scrolled by.
   */
  keep(keys: ReadonlyMap<string, unknown>): void {
    if (this.#known.size < 2 * keys.size + 1_000) return;
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
    this.#kinds.clear();
  }
}

/**
 * Moves the slice one step towards one that covers the view and reaches beyond it on both sides, by
 * at most `chunk` rows to either side, so that no step takes long. Returns the same slice if there
 * is nothing to do. With `hold` no row is taken out, as long as there may be more: text is
 * selected.
 */
export function step(count: number, slice: Slice, { above, below }: Reach, view: number, chunk: number, height: (i: number) => number, hold = false): Slice {
  const want = Math.min(Math.max(view, reach.least), reach.most);
  let { from, to } = slice;
  // Nothing of the slice is in view: start another there, by the heights of the rows.
  if (above < -view && from > 0) {
    for (let gap = -above; from > 0 && gap > 0; ) gap -= height(--from);
    return { from, to: Math.min(from + chunk, count) };
  }
  if (below < -view && to < count) {
    from = to;
    for (let gap = -below - view; from < count - 1 && gap > height(from); ) gap -= height(from++);
    return { from, to: Math.min(from + chunk, count) };
  }
  let up = above;
  for (let n = 0; from > 0 && up < want && n < chunk && to - from < mostRows; n++) up += height(--from);
  let down = below;
  for (let n = 0; to < count && down < want && n < chunk && to - from < mostRows; n++) down += height(to++);
  // Only rows far away: a reader who turns round finds what they have just left.
  const drop = (beyond: number) => beyond > want / 2 && (to - from >= mostRows || (!hold && beyond > 2 * want));
  while (from >= slice.from && from < to - 1 && drop(up - height(from))) up -= height(from++);
  while (to <= slice.to && to > from + 1 && drop(down - height(to - 1))) down -= height(--to);
  return from === slice.from && to === slice.to ? slice : { from, to };
}
