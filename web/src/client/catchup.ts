import type { Pace } from './pace.ts';
import type { Room } from './room.ts';
import { sleep } from './sleep.ts';

/** Rooms that are synced at the same time. */
const parallel = 6;

/**
 * Syncs the rooms that are not live, a few at a time: the one that is looked at first, then the
 * busiest. It ends, and starts nothing more, as soon as `current` says no.
 */
export function catchUp(all: Iterable<Room>, active: () => string | undefined, pace: Pace, now: () => number, current: () => boolean): void {
  const rooms = [...all].filter((r) => !r.live);
  const rank = (r: Room) => (r.id === active() ? Infinity : (r.log.messages.at(-1)?.seq ?? 0));
  rooms.sort((a, b) => rank(b) - rank(a) || a.info.name.localeCompare(b.info.name));
  let next = 0;
  const worker = async () => {
    while (next < rooms.length && current()) {
      const room = rooms[next++]!;
      if (room.live) continue; // the user was faster
      // Joins are not counted against the rate, pages of history are.
      const wait = room.history === 'loaded' ? 0 : pace.take(1, now());
      if (wait > 0) await sleep(wait);
      if (!current()) return;
      await room.sync(room.id !== active());
    }
  };
  for (let i = 0; i < parallel; i++) void worker();
}
