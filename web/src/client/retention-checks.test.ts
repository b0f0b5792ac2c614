import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { entry, lobby, noPages } from '../../test/harness.ts';
import type { PageQuery } from './records.ts';
import { RetentionChecks } from './retention-checks.ts';
import { Room } from './room.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A room whose newest messages are 11 to 60, and whose record begins where `first` says. */
async function room(kept = true) {
  const record = { first: undefined as number | undefined, asked: [] as PageQuery[] };
  const r = new Room(kept ? { ...lobby, kept: { days: 30 } } : lobby, {
    request: (async ({ type }: { type: string }) => (type === 'join' ? { type: 'joined', room: 'lobby', seq: 60 }
      : { type: 'history', room: 'lobby', messages: Array.from({ length: 50 }, (_, i) => entry(11 + i, 10 + i)), more: true })) as never,
    changed: () => undefined, applied: () => undefined, live: () => undefined, ...noPages,
    page: async (_: string, query: PageQuery) => {
      record.asked.push(query);
      return { messages: [], acts: [], more: false, ...(record.first !== undefined && { found: record.first }) };
    },
  });
  await r.sync();
  return { r, record };
}
const first = (r: Room) => r.log.shown[0]?.seq;

test('what is before the first message that there is goes, and nothing else', async () => {
  const { r, record } = await room();
  const { ts } = r.log.messages[0]!;
  record.first = 5;
  await r.dropRemoved(ts);
  expect([first(r), r.hasOlder]).toEqual([11, true]);
  record.first = 41;
  await r.dropRemoved(ts);
  expect([first(r), r.log.messages.length, r.hasOlder, r.log.has(r.log.messages[0]!.user, r.log.messages[0]!.id)]).toEqual([41, 20, false, true]);
  expect(record.asked).toEqual([{ at: 1, limit: 1 }, { at: 1, limit: 1 }]);
  // Where the record has none, it may not have those of the last hour yet.
  record.first = undefined;
  await r.dropRemoved(ts);
  expect(first(r)).toBe(41);
  await r.dropRemoved(ts + 3_600_000 + 60_000);
  expect(r.log.messages).toEqual([]);
});

test('it is asked for soon after a rule is changed, and now and then, of what is looked at and not kept forever', async () => {
  const [brief, forever] = [await room(), await room(false)];
  brief.record.first = 5;
  const removals = new RetentionChecks(() => [brief.r, forever.r], () => 0.5);
  removals.start();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(brief.record.asked).toHaveLength(1);
  removals.start(true);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(brief.record.asked).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(150_000);
  expect(brief.record.asked).toHaveLength(4);
  removals.close();
  await vi.advanceTimersByTimeAsync(6_000_000);
  expect([brief.record.asked.length, forever.record.asked.length]).toEqual([4, 0]);
});
