import { HubbubError } from './errors.ts';
import { historyMessages } from './parse.ts';
import type { HistoryMessage } from './protocol.ts';

/** A message that a search has found. */
export interface FoundMessage {
  readonly room: string;
  readonly message: HistoryMessage;
  /** Ranges of the text that match: from the first character to behind the last. */
  readonly highlights: readonly (readonly [number, number])[];
}

/** An answer to a search. */
export interface SearchResults {
  readonly results: readonly FoundMessage[];
  /** There may be more: ask again with it as the cursor. */
  readonly next?: string;
  /** Older messages are still being indexed, and not all are found. */
  readonly building: boolean;
}

/** Reads the answer to a search; what is not understood is left out. */
export function readFound(body: Record<string, unknown>): SearchResults {
  const { results, next, building } = body;
  if (!Array.isArray(results)) throw new HubbubError('internal', 'the server answers something else than results', 0);
  const found = results.flatMap((r: unknown): FoundMessage[] => {
    if (typeof r !== 'object' || r === null) return [];
    const { room, message, highlights } = r as Record<string, unknown>;
    const [read] = historyMessages([message]);
    if (typeof room !== 'string' || !read) return [];
    const ranges = (Array.isArray(highlights) ? highlights : []).filter(
      (h): h is [number, number] => Array.isArray(h) && h.length === 2 && Number.isInteger(h[0]) && Number.isInteger(h[1]) && h[0] < h[1]);
    return [{ room, message: read, highlights: ranges }];
  });
  return { results: found, building: building === true, ...(typeof next === 'string' && next && { next }) };
}
