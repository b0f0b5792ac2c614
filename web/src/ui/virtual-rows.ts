import { Heights, step, type Slice } from '../text/rowwindow.ts';
import { focused } from './roving.ts';
import type { Item } from '../text/timeline.ts';

/** So much may the space below the rows be wrong, px: only the bar at the side shows it. */
const inexact = 200;
/** Rows that one frame draws at most and at least, and the time that it should take, ms. */
const chunk = { most: 24, least: 2, first: 12, budget: 12 } as const;

/**
 * Decides which rows of a long list are in the document, and keeps what is read in place. Rows are
 * in the flow between two spacers that stand for the rest, so the browser lays them out and visible
 * heights are never estimated. It records the positions of the visible rows before each change and
 * restores them after it: by the spacer above, which causes no scroll event, and by the scroll
 * position where that is not enough.
 */
export class VirtualRows {
  readonly heights = new Heights();
  /** All rows are in the document, for printing. */
  renderAll = false;
  /** The row that had the focus when it left the document; it gets it back on its return. */
  focusedKey: string | undefined;
  #items: readonly Item[] = [];
  #slice: Slice = { from: 0, to: 0 };
  #shown: readonly Item[] = [];
  /** The height of the space above the rows, px: as it is to be, and as it stands in the document. */
  #top = 0;
  #written = 0;
  /** The height of the space below the rows as it stands in the document, px. */
  #below = 0;
  #scrollTop = 0;
  #chunk: number = chunk.first;
  /**
   * How many rows the last step added, and the time that one row takes, ms: it rises at once and
   * falls slowly.
   */
  #addedRows = 0;
  #msPerRow: number | undefined;
  /** The positions of visible rows, px from the start of the scrolled content. */
  #anchors: { readonly element: Element; readonly at: number }[] = [];
  /** The item to scroll to, and the fraction of the height of the view to show it at. */
  #target: { readonly key: string; readonly at: number } | undefined;
  /** Rows were added or removed before the slice: the scroll position has to follow. */
  #moved = false;
  readonly #atEnd: () => boolean;

  /** `atEnd` tells whether the reader is at the end, and stays there. */
  constructor(atEnd: () => boolean) {
    this.#atEnd = atEnd;
  }

  /** Returns the items that stand in the document, of all there are now. */
  visible(items: readonly Item[]): readonly Item[] {
    if (items !== this.#items) this.#replaceItems(items);
    const { from, to } = this.#slice;
    this.#shown = this.renderAll ? items : items.slice(from, to);
    return this.#shown;
  }

  /** The last of all rows stands in the document. */
  get atLast(): boolean {
    return this.#slice.to === this.#items.length;
  }

  /** An item is to be shown, and does not stand in the document yet. */
  get showing(): boolean {
    return this.#target !== undefined;
  }

  /** How far the list is scrolled, px, as it was read or set last: to read it again may cost a layout. */
  get scrollTop(): number {
    return this.#scrollTop;
  }

  /** The first item in view. */
  get firstInView(): Item | undefined {
    const key = (this.#anchors[0]?.element as HTMLElement | undefined)?.dataset['key'];
    return this.#shown.find((i) => i.key === key);
  }

  /** The end is to be shown. */
  showEnd(): void {
    this.#target = undefined;
    const to = this.#items.length;
    if (this.#slice.to !== to || this.#slice.from >= to) this.#setSlice({ from: Math.max(0, to - this.#chunk), to });
  }

  /** An item is to be shown at a share of the view's height. */
  show(index: number, at: number): void {
    const item = this.#items[index];
    if (!item) return;
    this.#target = { key: item.key, at };
    const { from, to } = this.#slice;
    if (index < from || index >= to) this.#setSlice({ from: Math.max(0, index - 4), to: Math.min(this.#items.length, index + this.#chunk) });
  }

  /** Goes one step towards rows all around the view. Returns whether rows come or go. */
  step(scroller: HTMLElement, list: HTMLElement): boolean {
    if (this.renderAll || !this.#items.length) return false;
    const rows = elements(list);
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last) return false;
    const box = scroller.getBoundingClientRect();
    const reach = { above: box.top - first.getBoundingClientRect().top, below: last.getBoundingClientRect().bottom - box.bottom };
    const next = step(this.#items.length, this.#slice, reach, scroller.clientHeight, this.#chunk, (i) => this.#height(i), selecting(list));
    if (next === this.#slice) return false;
    this.#moveFocusOut(next, list, scroller);
    const { from, to } = this.#slice;
    const stay = Math.max(0, Math.min(to, next.to) - Math.max(from, next.from));
    this.#addedRows = next.to - next.from - stay;
    this.#setSlice(next);
    this.#writeSpacers(list); // with the rows that come and go, so that one layout is enough for both
    return true;
  }

  /** Reports how long a step took to render, ms: the next has as many rows as there is time for. */
  measured(ms: number): void {
    if (!this.#addedRows) return;
    const each = ms / this.#addedRows;
    this.#msPerRow = this.#msPerRow === undefined || each > this.#msPerRow ? each : (3 * this.#msPerRow + each) / 4;
    this.#chunk = Math.max(chunk.least, Math.min(chunk.most, Math.floor(chunk.budget / this.#msPerRow)));
  }

  /**
   * The document or the size of its content has changed: restores the position of what is read.
   * Everything is read before anything is written, since what is read after a write costs another
   * layout.
   */
  restorePosition(scroller: HTMLElement, list: HTMLElement, atEnd: boolean, resized = false): void {
    if (this.renderAll) return;
    const rows = elements(list);
    if (resized && !atEnd && !this.#target && this.#asExpected(scroller, list)) return;
    this.#measure(rows, resized);
    const aimed = this.#target && rows.find((e) => e.dataset['key'] === this.#target!.key);
    if (atEnd || aimed) {
      this.#writeSpacers(list);
      if (atEnd) scroller.scrollTop = scroller.scrollHeight;
      else scroller.scrollTop += aimed!.getBoundingClientRect().top - scroller.getBoundingClientRect().top - this.#target!.at * scroller.clientHeight;
      if (!atEnd) this.#target = undefined;
      this.#moved = false;
      this.recordPositions(scroller, list);
    } else this.#restore(scroller, list, rows);
    if (this.focusedKey !== undefined && focused(scroller) === scroller) {
      const back = rows.find((e) => e.dataset['key'] === this.focusedKey)?.querySelector('article');
      back?.focus({ preventScroll: true });
      if (back) this.focusedKey = undefined;
    }
  }

  /** Notes where the rows in view stand. */
  recordPositions(scroller: HTMLElement, list: HTMLElement): void {
    this.#scrollTop = scroller.scrollTop;
    this.#recordPositions(elements(list), this.#scrollTop - scroller.getBoundingClientRect().top);
  }

  /** Notes where the rows in view stand; `by`: from where they are in the window to where in what is scrolled. */
  #recordPositions(rows: readonly HTMLElement[], by: number): void {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle]!.getBoundingClientRect().bottom + by > this.#scrollTop) high = middle;
      else low = middle + 1;
    }
    this.#anchors = rows.slice(low, low + 8).map((element) => ({ element, at: element.getBoundingClientRect().top + by }));
  }

  #restore(scroller: HTMLElement, list: HTMLElement, rows: readonly HTMLElement[]): void {
    const moved = this.#moved;
    this.#moved = false;
    const anchor = this.#anchors.find(({ element }) => element.isConnected);
    this.#scrollTop = scroller.scrollTop;
    const begin = this.#scrollTop - scroller.getBoundingClientRect().top;
    let further = 0;
    if (anchor) {
      const by = anchor.element.getBoundingClientRect().top + begin + this.#top - this.#written - anchor.at;
      // The space absorbs what it can: setting scrollTop would end the momentum of a flick.
      const taken = moved || this.#slice.from === 0 ? 0 : Math.min(by, this.#top);
      this.#top -= taken;
      if (Math.abs(by - taken) > 0.1) further = by - taken;
    }
    this.#scrollTop += further;
    this.#recordPositions(rows, begin + this.#top - this.#written);
    this.#writeSpacers(list);
    if (!further) return;
    scroller.scrollTop += further;
    if (Math.abs(scroller.scrollTop - this.#scrollTop) > 1) this.recordPositions(scroller, list); // there is no more to scroll
  }

  /** Gives the spaces their heights. A layout costs more than it is worth to be exact below. */
  #writeSpacers(list: HTMLElement): void {
    const set = (of: Element | null, px: number) => ((of as HTMLElement).style.height = `${px}px`);
    if (this.#written !== this.#top) set(list.firstElementChild, (this.#written = this.#top));
    const below = this.#sum(this.#slice.to, this.#items.length);
    if (Math.abs(below - this.#below) > (below ? inexact : 0)) set(list.lastElementChild, (this.#below = below));
  }

  /** What is read stands where it stood, and the list is as high as its rows were when measured. */
  #asExpected(scroller: HTMLElement, list: HTMLElement): boolean {
    const anchor = this.#anchors[0];
    if (!anchor || this.#top !== this.#written || !this.#shown.every((item) => this.heights.knows(item.key))) return false;
    if (Math.abs(anchor.element.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop - anchor.at) > 0.1) return false;
    return Math.abs(list.getBoundingClientRect().height - this.#written - this.#sum(this.#slice.from, this.#slice.to) - this.#below) < 1;
  }

  /** Takes other items than before; the rows of the document are found in them again. */
  #replaceItems(items: readonly Item[]): void {
    const before = this.#items;
    const { from, to } = this.#slice;
    this.#items = items;
    const at = new Map(items.map((item, i) => [item.key, i]));
    this.heights.keep(at);
    const first = before.findIndex((item, i) => i >= from && i < to && at.has(item.key));
    if (first < 0) {
      this.#slice = { from: Math.max(0, items.length - this.#chunk), to: items.length };
      this.#top = this.#sum(0, this.#slice.from);
      return;
    }
    let last = to - 1;
    while (!at.has(before[last]!.key)) last--;
    let [start, end] = [at.get(before[first]!.key)!, at.get(before[last]!.key)! + 1];
    // What is new at the end is drawn at once for a reader who is there.
    if (to === before.length && this.#atEnd()) {
      end = items.length;
      if (end - at.get(before[last]!.key)! > 2 * this.#chunk) start = Math.max(start, end - this.#chunk);
    }
    // Rows that came or went before the first visible one count with their known or usual heights.
    const gone = before.slice(0, from).reduce((sum, item) => sum + this.heights.of(item.key, kind(item)), 0);
    if (start !== from) this.#moved = true;
    this.#slice = { from: start, to: end };
    this.#top = start === 0 ? 0 : Math.max(0, this.#top + this.#sum(0, start) - gone);
  }

  /** Puts other rows into the document; the space above stands for those before them. */
  #setSlice(next: Slice): void {
    const { from } = this.#slice;
    const overlap = next.from < this.#slice.to && next.to > from;
    if (next.from < from) this.#top -= this.#sum(next.from, from);
    else this.#top += this.#sum(from, next.from);
    if (next.from === 0) this.#top = 0;
    else if (this.#top < 0) this.#top = overlap ? 0 : this.#sum(0, next.from);
    this.#slice = next;
  }

  /** When the row with the focus leaves the document, the list gets the focus. */
  #moveFocusOut(next: Slice, list: HTMLElement, scroller: HTMLElement): void {
    const row = focused(list)?.closest<HTMLElement>('[data-key]');
    if (!row || !list.contains(row)) return;
    const index = this.#items.findIndex((i) => i.key === row.dataset['key']);
    if (index >= next.from && index < next.to) return;
    this.focusedKey = row.dataset['key'];
    scroller.focus({ preventScroll: true });
  }

  #measure(rows: readonly HTMLElement[], all: boolean): void {
    this.#shown.forEach((item, i) => {
      const row = rows[i];
      if (row && (all || !this.heights.knows(item.key))) this.heights.measured(item.key, kind(item), row.getBoundingClientRect().height);
    });
  }

  #height(i: number): number {
    const item = this.#items[i]!;
    return this.heights.of(item.key, kind(item));
  }

  #sum(from: number, to: number): number {
    let sum = 0;
    for (let i = from; i < to; i++) sum += this.#height(i);
    return sum;
  }
}

/** The rows of a list: what stands between its two spaces. */
const elements = (list: HTMLElement): HTMLElement[] => [...list.children].slice(1, -1) as HTMLElement[];

/**
 * Rows of one kind are about as high as each other: a message by whether it begins a group, and by
 * its length.
 */
function kind(item: Item): string {
  let known = kinds.get(item);
  if (known === undefined) kinds.set(item, (known = looked(item)));
  return known;
}
const kinds = new WeakMap<Item, string>();
const looked = (item: Item): string =>
  item.kind === 'message' ? `${item.first ? 'first' : 'further'}-${Math.min(Math.ceil(item.text.length / 80) + item.text.split('\n', 20).length, 40)}` : item.kind;

/** Whether text of the rows is selected: the selection would be lost with them. */
function selecting(list: HTMLElement): boolean {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && list.contains(selection.anchorNode);
}
