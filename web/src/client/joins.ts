import type { Limits, RoomJoin } from './protocol.ts';

/** The size of a join around its list of rooms. */
const overhead = JSON.stringify({ type: 'join', rooms: [] }).length;

/**
 * Puts joins into as few messages as the server's limits allow. A single join is sent as a join of
 * one room, which servers of earlier releases know.
 */
export function joinMessages(joins: readonly RoomJoin[], { joins: most = 1, frame }: Partial<Limits>): string[] {
  if (joins.length === 1 || most < 2) return joins.map((j) => JSON.stringify({ type: 'join', ...j }));
  const messages: string[] = [];
  let list: string[] = [];
  let size = overhead;
  for (const join of joins) {
    const text = JSON.stringify(join); // ids and numbers only, so one byte a character
    if (list.length === most || (list.length && frame && size + text.length + 1 > frame)) {
      messages.push(message(list));
      list = [];
      size = overhead;
    }
    list.push(text);
    size += text.length + 1;
  }
  messages.push(message(list));
  return messages;
}

const message = (list: readonly string[]): string => `{"type":"join","rooms":[${list.join()}]}`;
