import type { Pace } from './pace.ts';
import type { Room } from './room.ts';
import { sleep } from './sleep.ts';

/** Rooms without a page that are synced at the same time. */
const parallel = 6;

/**
 * Syncs the rooms that are not live: the one that is looked at first, then the busiest. Those that
 * have their page only join, all at once, which is a few messages; the others a few at a time. It
 * ends, and starts nothing more, as soon as `current` says no.
 */
export function catchUp(all: Iterable<Room>, active: () => string | undefined, pace: Pace, now: () => number, current: () => boolean): void {
  const rooms = [...all].filter((r) => !r.live);
  const rank = (r: Room) => (r.id === active() ? Infinity : (r.log.messages.at(-1)?.seq ?? 0));
  rooms.sort((a, b) => rank(b) - rank(a) || a.info.name.localeCompare(b.info.name));
  // Joins are not counted against the rate, pages of history are.
  for (const room of rooms) if (room.history === 'loaded') void room.sync();
  const others = rooms.filter((r) => r.history !== 'loaded');
  let next = 0;
  const worker = async () => {
    while (next < others.length && current()) {
      const room = others[next++]!;
      if (room.live) continue; // the user was faster
      const wait = pace.take(1, now());
      if (wait > 0) await sleep(wait);
      if (!current()) return;
      await room.sync(room.id !== active());
    }
  };
  for (let i = 0; i < parallel; i++) void worker();
}
