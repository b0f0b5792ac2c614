import type { RateLimiter } from './rate-limiter.ts';
import type { Room } from './room.ts';
import { sleep } from './sleep.ts';

/** How many rooms that need a page are synced at the same time. */
const parallel = 6;
/**
 * How many rooms join at once: as many as fit into a message. A pause lets the page be drawn before
 * the first of them, ms, and gives way to what else happens before each of the others.
 */
const together = 100;
const firstPause = 32;

/**
 * Syncs the rooms that are not live: first the open one, then the busiest. Rooms of which it is known
 * where to begin only join, in a few messages; the others have a page, a few at a time.
 * It stops as soon as `current` returns false.
 */
export function catchUp(all: Iterable<Room>, active: () => string | undefined, pace: RateLimiter, now: () => number, current: () => boolean): void {
  const rooms = [...all].filter((r) => !r.live);
  const rank = (r: Room) => (r.id === active() ? Infinity : (r.log.messages.at(-1)?.seq ?? 0));
  rooms.sort((a, b) => rank(b) - rank(a) || a.info.name.localeCompare(b.info.name));
  // The rate limit counts pages of history, not joins.
  const knows = (r: Room) => r.history === 'loaded' || (r.log.position !== undefined && r.id !== active());
  const join = async (known: readonly Room[]) => {
    for (let i = 0; i < known.length; i += together) {
      if (known.length > together) await sleep(i ? 0 : firstPause);
      if (!current()) return;
      for (const room of known.slice(i, i + together)) if (!room.live) void room.sync(room.id !== active());
    }
  };
  void join(rooms.filter((r) => r.id === active() && knows(r)));
  void join(rooms.filter((r) => r.id !== active() && knows(r)));
  const others = rooms.filter((r) => !knows(r));
  let next = 0;
  const worker = async () => {
    while (next < others.length && current()) {
      const room = others[next++]!;
      if (room.live) continue; // the user has opened it meanwhile
      const wait = pace.reserve(1, now());
      if (wait > 0) await sleep(wait);
      if (!current()) return;
      await room.sync(room.id !== active());
    }
  };
  for (let i = 0; i < parallel; i++) void worker();
}
