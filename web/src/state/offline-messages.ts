import type { Message, Room } from '../client/index.ts';

/** The last messages of rooms as they were when the page was last here. */
export class OfflineMessages {
  byRoom: Readonly<Record<string, readonly Message[]>> = {};

  /** Those of a room, while nothing newer is known. */
  of(room: Room): readonly Message[] | undefined {
    return room.live || room.history === 'loaded' || room.log.messages.length ? undefined : this.byRoom[room.id];
  }
}
