import { keptAs } from './answers.ts';
import type { RoomInfo } from './api.ts';
import type { ModeratedEvent } from './protocol.ts';

/** Returns a room's description with how long messages are kept, as an event says it. */
export function retained(info: RoomInfo, said: string): RoomInfo {
  const { kept: _, ...rest } = info;
  const kept = keptAs(said);
  return { ...rest, ...(kept && { kept }) };
}

/** Returns a room's description with the rules that an event says. */
export function ruled(info: RoomInfo, e: ModeratedEvent): RoomInfo {
  const { slow: _, announce: __, ...rest } = info;
  return { ...rest, ...(e.slow && { slow: e.slow }), ...(e.announce && { announce: e.announce }) };
}
