import { searchKey } from './name.ts';

/** A piece of a text, and whether it matches. */
export interface HighlightPiece {
  readonly text: string;
  readonly hit: boolean;
}

/** Most characters that a result shows of a text, and of them before the first match. */
const most = 280;
const before = 80;

/** Cuts a text into pieces that match and that do not, around the first match. */
export function pieces(text: string, highlights: readonly (readonly [number, number])[]): HighlightPiece[] {
  const first = highlights[0]?.[0] ?? 0;
  let from = first > before && text.length > most ? first - before : 0;
  // Not within a word or a character, where a space is near.
  if (from > 0) {
    const space = text.slice(from, first).search(/\s/);
    from += space >= 0 ? space + 1 : 0;
    if (isLow(text, from)) from++;
  }
  let to = Math.min(text.length, from + most);
  if (isLow(text, to)) to++;
  const all: HighlightPiece[] = from > 0 ? [{ text: '… ', hit: false }] : [];
  let at = from;
  const add = (end: number, hit: boolean) => {
    if (end > at) all.push({ text: text.slice(at, end), hit });
    at = Math.max(at, end);
  };
  for (const [start, end] of highlights) {
    if (start >= to || end <= at) continue;
    add(Math.max(at, start), false);
    add(Math.min(end, to), true);
  }
  add(to, false);
  if (to < text.length) all.push({ text: ' …', hit: false });
  return all;
}

const isLow = (text: string, at: number) => (text.charCodeAt(at) & 0xfc00) === 0xdc00;

export type Filter = 'from' | 'in' | 'before' | 'after' | 'has' | 'is';

/** A filter that is being typed at the end of a query. */
export interface Typing {
  readonly filter: Filter;
  readonly value: string;
  /** What stands before it. */
  readonly rest: string;
}

/** Returns the filter that is being typed at the end of a query. */
export function typing(query: string): Typing | undefined {
  const m = /(?:^|\s)(from|in|before|after|has|is):("[^"]*|[^\s"]*)$/i.exec(query);
  if (!m) return undefined;
  return { filter: m[1]!.toLowerCase() as Filter, value: m[2]!.replace(/^[@#"]+/, ''), rest: query.slice(0, m.index).trimEnd() };
}

/** A filter as it stands in a query. */
export function filterText(filter: Filter, value: string): string {
  return `${filter}:${/[\s"]/.test(value) ? `"${value.replaceAll('"', '')}"` : value}`;
}

/** The filters that a query has whole, and the rest of it. */
export function filtersOf(query: string): { readonly filters: string[]; readonly rest: string } {
  const filters: string[] = [];
  const rest = query.replace(/(^|\s)(-?(?:from|in|before|after|on|has|is):(?:"[^"]+"|[^\s"]+))(?=\s)/gi, (_, space: string, filter: string) => {
    filters.push(filter);
    return space;
  });
  return { filters, rest: filters.length ? rest.replace(/\s+/g, ' ').trimStart() : query };
}

/** Returns what of some names a value may mean, those that begin so first, at most so many. */
export function suggest<T extends { readonly name: string }>(all: readonly T[], value: string, limit: number): T[] {
  const wanted = searchKey(value.trim());
  const rank = (name: string) => {
    const key = searchKey(name);
    return key.startsWith(wanted) ? 0 : key.includes(wanted) ? 1 : 2;
  };
  return all.map((item) => ({ item, rank: rank(item.name) })).filter((r) => r.rank < 2)
    .sort((a, b) => a.rank - b.rank || a.item.name.localeCompare(b.item.name)).slice(0, limit).map((r) => r.item);
}
