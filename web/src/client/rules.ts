import { parseRetention } from './read-records.ts';
import type { RoomInfo } from './api.ts';
import type { ModeratedEvent } from './protocol.ts';

/** Returns a room's description with how long messages are kept, as an event says it. */
export function withRetention(info: RoomInfo, said: string): RoomInfo {
  const { kept: _, ...rest } = info;
  const kept = parseRetention(said);
  return { ...rest, ...(kept && { kept }) };
}

/** Returns a room's description with the rules that an event says. */
export function withRules(info: RoomInfo, e: ModeratedEvent): RoomInfo {
  const { slow: _, announce: __, ...rest } = info;
  return { ...rest, ...(e.slow && { slow: e.slow }), ...(e.announce && { announce: e.announce }) };
}
