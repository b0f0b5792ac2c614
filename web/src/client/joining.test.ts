import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { entry, lobby, noPages } from '../../test/harness.ts';
import { ConnectionLost, HubbubError } from './errors.ts';
import type { Command, LogEvent } from './protocol.ts';
import { Room } from './room.ts';

// A room by itself: what it asks for, and in which order, when lines break and servers refuse.

type Answer = object | Error | Promise<object>;
let room: Room;
let asked: string[];
let applied: number[];
let lives: number;
let answer: (command: Command & { before?: number; after?: { seq: number } | number; around?: number }) => Answer;

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  applied = [];
  lives = 0;
  room = new Room(lobby, {
    request: (async (command: never) => {
      const c = command as Command & { before?: number; after?: { seq: number } };
      asked.push(c.type === 'join' ? `join ${c.after?.seq ?? ''}` : `history${c.before ? ` before ${c.before}` : ''}`);
      const a = await answer(c);
      if (a instanceof Error) throw a;
      return a;
    }) as never,
    changed: () => undefined, applied: (_, e) => applied.push(e.seq), live: () => lives++, ...noPages,
  });
});
afterEach(() => vi.useRealTimers());

const e = (seq: number, prev = seq - 10) => entry(seq, prev) as unknown as LogEvent;
const page = (...seqs: number[]) => ({ type: 'history', room: 'lobby', messages: seqs.map((s) => entry(s, s - 10)), more: false });
const joined = (seq: number, rest: object = {}) => ({ type: 'joined', room: 'lobby', seq, ...rest });
const seqs = () => room.log.messages.map((m) => m.seq);
const settle = () => vi.advanceTimersByTimeAsync(0);

describe('a replay', () => {
  test('is taken in order, each entry once, and what comes after it follows', async () => {
    answer = (c) => {
      if (c.type === 'history') return page(10);
      for (const seq of [40, 20, 30, 20]) room.receive(e(seq));
      return joined(30);
    };
    await room.sync();
    expect([seqs(), applied, room.live, lives]).toEqual([[10, 20, 30, 40], [20, 30, 40], true, 1]);
  });

  test('with more to come is not live, and what is not of it comes again', async () => {
    answer = (c) => {
      if (c.type === 'history') return page(10);
      if ((c.after as { seq: number }).seq === 10) {
        room.receive(e(20));
        room.receive(e(50)); // live meanwhile
        return joined(20, { more: true });
      }
      expect(room.live).toBe(false);
      for (const seq of [30, 40, 50]) room.receive(e(seq));
      return joined(50);
    };
    await room.sync();
    expect([asked, seqs(), room.live]).toEqual([['history', 'join 10', 'join 20'], [10, 20, 30, 40, 50], true]);
  });

  test('that shows a gap is followed by another join', async () => {
    answer = (c) => {
      if (c.type === 'history') return page(10);
      if (asked.filter((a) => a.startsWith('join')).length === 1) {
        room.receive(e(40)); // of which 30 is missing
        return joined(20);
      }
      for (const seq of [30, 40]) room.receive(e(seq));
      return joined(40);
    };
    await room.sync();
    expect([asked, seqs(), room.live]).toEqual([['history', 'join 10', 'join 10'], [10, 30, 40], true]);
  });

  test('that breaks in the middle keeps what has no hole, and the next goes on from there', async () => {
    let broken = true;
    answer = (c) => {
      if (c.type === 'history') return page(10);
      if (broken) {
        broken = false;
        for (const seq of [30, 20, 50]) room.receive(e(seq));
        return new ConnectionLost();
      }
      for (const seq of [40, 50]) room.receive(e(seq));
      return joined(50);
    };
    await room.sync();
    expect([seqs(), room.live, lives]).toEqual([[10, 20, 30], false, 0]);
    room.receive(e(40)); // of a connection on which the room is not joined
    expect(seqs()).toEqual([10, 20, 30]);
    await room.sync();
    expect([asked, seqs(), room.live]).toEqual([['history', 'join 10', 'join 30'], [10, 20, 30, 40, 50], true]);
  });

  test('of more than is held goes on where it was let go', async () => {
    answer = (c) => {
      if (c.type === 'history') return page(10);
      const after = (c.after as { seq: number }).seq;
      for (let seq = after + 10; seq <= 10 + 10 * 6_000; seq += 10) room.receive(e(seq));
      return joined(10 + 10 * 6_000);
    };
    await room.sync();
    await vi.runAllTimersAsync();
    expect([asked.length, seqs().length, room.live]).toEqual([3, 6_001, true]);
  });
});

describe('a log that is another', () => {
  test('is begun anew where it stands, with its newest page', async () => {
    answer = (c) => {
      if (c.type === 'history') return asked.length > 1 ? page(110, 120) : page(10);
      room.receive(e(130, 120));
      return joined(120, { rewind: true });
    };
    await room.sync();
    expect([asked, seqs(), room.live]).toEqual([['history', 'join 10', 'history'], [110, 120, 130], true]);
    room.receive(e(140, 130));
    expect(seqs().at(-1)).toBe(140);
  });

  test('whose events were more than is held is joined once more', async () => {
    let joins = 0;
    answer = (c) => {
      if (c.type === 'history') return page(10);
      if (++joins === 1) {
        for (let i = 0; i <= 5_000; i++) room.receive(e(30 + 10 * i, 20 + 10 * i));
        return joined(20, { rewind: true });
      }
      return joined((c.after as { seq: number }).seq);
    };
    await room.sync();
    await vi.runAllTimersAsync();
    expect([joins, room.live]).toEqual([2, true]);
  });
});

describe('a room that is live', () => {
  beforeEach(async () => {
    answer = (c) => (c.type === 'history' ? page(10) : joined(10));
    await room.sync();
    asked.length = 0;
  });

  test.each([['a gap', e(40)], ['an event of another log', { ...e(20, 0) } as LogEvent]])('joins again after %s', async (_, event) => {
    answer = () => joined(10);
    room.receive(event);
    await settle();
    expect(asked).toEqual(['join 10']);
  });

  test('that it is kept out of is not live any more, and says why', async () => {
    answer = () => new HubbubError('forbidden', 'you were removed');
    await room.sync();
    expect([room.live, room.refused]).toEqual([false, 'you were removed']);
    answer = () => joined(10);
    await room.sync();
    expect([room.live, room.refused]).toEqual([true, undefined]);
  });

  test('joins once more when that is asked for while it joins', async () => {
    let first: (reply: object) => void = () => undefined;
    answer = () => (asked.length === 1 ? new Promise<object>((resolve) => (first = resolve)) : joined(10));
    const synced = room.sync();
    await settle();
    void room.sync();
    first(joined(10));
    await synced;
    expect(asked).toEqual(['join 10', 'join 10']);
  });
});

describe('history', () => {
  test.each([['forbidden', true], ['rate_limited', true], ['unavailable', false]])('that is refused as %s keeps the room closed: %s', async (code, closed) => {
    answer = (c) => (c.type === 'history' ? new HubbubError(code, 'no') : joined(10));
    void room.sync();
    await settle();
    expect([room.live, asked.some((a) => a.startsWith('join'))]).toEqual([!closed, !closed]);
  });

  test('is not asked for before its first message', async () => {
    answer = (c) => (c.type === 'history' ? page(10, 20) : joined(20));
    await room.sync();
    asked.length = 0;
    await room.loadOlder();
    expect(asked).toEqual([]);
  });

  test.each(['older', 'around'] as const)('of a log that was begun anew meanwhile is not of this one: %s', async (way) => {
    answer = (c) => (c.type === 'history' ? { ...page(100, 110), more: true } : joined(110));
    await room.sync();
    let give: (reply: object) => void = () => undefined;
    answer = () => new Promise<object>((resolve) => (give = resolve));
    const asks = way === 'older' ? room.loadOlder() : room.showAround(50);
    await settle();
    room.log.reset(500);
    give(page(50, 60));
    await asks;
    expect(room.log.shown).toEqual([]);
  });

  test('that lets older messages go says that there are some', async () => {
    answer = (c) => (c.type === 'history' ? page(1000, 1010) : joined(1010));
    await room.sync();
    expect(room.hasOlder).toBe(false);
    answer = () => page(500, 510);
    await room.showAround(505);
    expect([room.hasOlder, room.log.shown.map((m) => m.seq)]).toEqual([false, [500, 510]]);
    room.showNewest();
    expect([room.hasOlder, room.log.shown.map((m) => m.seq)]).toEqual([true, [1000, 1010]]);
    await room.showAround(505);
    room.trim();
    expect([room.hasOlder, room.log.shown.map((m) => m.seq)]).toEqual([true, [1000, 1010]]);
  });

  test('after a past that was left meanwhile is not of the one that is looked at', async () => {
    answer = (c) => (c.type === 'history' ? page(1000, 1010) : joined(1010));
    await room.sync();
    answer = () => page(500, 510);
    await room.showAround(505);
    let give: (reply: object) => void = () => undefined;
    answer = () => new Promise<object>((resolve) => (give = resolve));
    const asks = room.loadNewer();
    await settle();
    room.log.pageAround([entry(200, 190), entry(210, 200)] as never[]);
    give(page(520, 530));
    await asks;
    expect(room.log.shown.map((m) => m.seq)).toEqual([200, 210]);
  });

  test('before what is kept around a place that is looked at is there again', async () => {
    answer = (c) => (c.type === 'history' ? page(...Array.from({ length: 1_100 }, (_, i) => 10 * i + 10)) : joined(11_000));
    await room.sync();
    room.trimAround(20);
    expect(room.hasOlder).toBe(false); // nothing before it went
    room.log.leavePast();
    room.log.page(Array.from({ length: 1_000 }, (_, i) => entry(10 * i + 10, 10 * i)) as never[]);
    room.trimAround(11_000);
    expect(room.hasOlder).toBe(true);
  });

  test('around a message that says that there is more, and has none, is at its beginning', async () => {
    answer = (c) => (c.type === 'history' ? page(1000, 1010) : joined(1010));
    await room.sync();
    answer = () => ({ ...page(), more: true });
    await room.showAround(505);
    expect(room.hasOlder).toBe(false);
  });

  test('that fails again, after it was there, is asked for as soon as the first time', async () => {
    let down = true;
    answer = (c) => (c.type !== 'history' ? joined(10) : down ? new HubbubError('unavailable', 'no') : page(10));
    await room.sync();
    await vi.advanceTimersByTimeAsync(9_000); // after 3 s, and after 6 s more
    down = false;
    await vi.advanceTimersByTimeAsync(12_000);
    expect(room.history).toBe('loaded');
    down = true;
    answer = (c) => (c.type === 'history' ? new HubbubError('unavailable', 'no') : joined(50, { rewind: asked.length === 1 }));
    asked.length = 0;
    await room.sync();
    expect(asked).toEqual(['join 10', 'history']);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(asked[2]).toBe('history');
  });

  test('after the past that is not stored yet is asked for again', async () => {
    answer = (c) => (c.type === 'history' ? page(1000, 1010) : joined(1010));
    await room.sync();
    answer = () => page(500, 510);
    await room.showAround(505);
    answer = () => page();
    await expect(room.loadNewer()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

test('a server that says that there is more, and gives nothing, is asked again later', async () => {
  answer = (c) => (c.type === 'history' ? page(10) : joined(10, { more: asked.length < 4 }));
  const synced = room.sync();
  await settle();
  expect(asked).toEqual(['history', 'join 10']);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toEqual(['history', 'join 10', 'join 10']);
  await vi.runAllTimersAsync();
  await synced;
  expect(room.live).toBe(true);
});
