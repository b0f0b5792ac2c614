import { afterEach, expect, test, vi } from 'vitest';
import { entry, lobby, noPages } from '../../test/harness.ts';
import { HubbubError } from './errors.ts';
import { parseEvent } from './parse.ts';
import type { Command, LogEvent } from './protocol.ts';
import { Room } from './room.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test('a fault in showing one entry does not close the room', async () => {
  vi.useFakeTimers();
  const said = vi.spyOn(console, 'error').mockReturnValue();
  let asked = 0;
  const room: Room = new Room(lobby, {
    request: ((command: Command) => {
      if (command.type === 'history') return Promise.resolve({ type: 'history', room: 'lobby', messages: [], more: false });
      asked++;
      for (const e of [entry(10, 0), entry(20, 10)]) room.receive(e as unknown as LogEvent);
      return Promise.resolve({ type: 'joined', room: 'lobby', seq: 20 });
    }) as never,
    changed: () => undefined,
    applied: (_, e) => {
      if (e.seq === 10) throw new Error('cannot be shown');
    },
    live: () => undefined, ...noPages,
  });
  const synced = room.sync();
  await vi.advanceTimersByTimeAsync(250);
  await synced;
  expect(room.live).toBe(true);
  expect(room.log.messages.map((m) => m.id)).toEqual(['m10', 'm20']);
  expect(asked).toBe(2);
  expect(said).toHaveBeenCalledOnce();
});

/** A room whose joins `answer` answers; it has no history. */
function roomWith(answer: (room: Room, join: Extract<Command, { type: 'join' }>) => object): Room {
  const room: Room = new Room(lobby, {
    request: (async (command: Command) =>
      command.type === 'join' ? answer(room, command) : { type: 'history', room: 'lobby', messages: [], more: false }) as never,
    changed: () => undefined, applied: () => undefined, live: () => undefined, ...noPages,
  });
  return room;
}

test('a replay of nothing but deleted messages is gone through', async () => {
  const asked: (number | undefined)[] = [];
  const room = roomWith((room, { after }) => {
    asked.push(after?.seq);
    const first = after?.seq ?? 0;
    if (first >= 4) return { type: 'joined', room: 'lobby', seq: 4 };
    for (const seq of [first + 1, first + 2]) {
      room.receive(parseEvent(`{"type":"msg","seq":${seq},"prev":${seq - 1},"room":"lobby","id":"m${seq}","user":"u"}`) as LogEvent);
    }
    return { type: 'joined', room: 'lobby', seq: first + 2, more: true };
  });
  await room.sync();
  expect(asked).toEqual([0, 2, 4]);
  expect(room.live).toBe(true);
  expect(room.log.messages).toEqual([]);
});

test.each([['internal', true], ['unavailable', true], ['rate_limited', true], ['forbidden', false], ['too_many', false], ['sparkle', false]])(
  'a join that is refused as %s without a time to wait is tried again: %s', async (code, again) => {
    vi.useFakeTimers();
    let asked = 0;
    const room = roomWith(() => {
      if (asked++ < 3) throw new HubbubError(code, 'no');
      return { type: 'joined', room: 'lobby', seq: 0 };
    });
    const synced = room.sync();
    await vi.runAllTimersAsync();
    await synced;
    expect([room.live, asked, room.refused]).toEqual(again ? [true, 4, undefined] : [false, 1, 'no']);
  });

test('what comes before the room was joined is left to the replay', async () => {
  const room = roomWith((room) => {
    for (const e of [entry(5, 0), entry(10, 5)]) room.receive(e as unknown as LogEvent);
    return { type: 'joined', room: 'lobby', seq: 10 };
  });
  room.receive(entry(10, 0) as unknown as LogEvent);
  expect(room.log.messages).toEqual([]);
  await room.sync();
  expect(room.log.messages.map((m) => m.id)).toEqual(['m5', 'm10']);
});

test('a server that says that there is more, and gives nothing, is not asked without a pause', async () => {
  vi.useFakeTimers();
  let asked = 0;
  const room = roomWith(() => ({ type: 'joined', room: 'lobby', seq: 0, more: ++asked < 3 }));
  const synced = room.sync();
  await vi.advanceTimersByTimeAsync(900);
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  await synced;
  expect(asked).toBe(3);
  expect(room.live).toBe(true);
});

test('a page that is missing is not asked for while there is no connection', async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  const room: Room = new Room(lobby, {
    request: (async (command: Command) => {
      asked.push(command.type);
      if (command.type === 'history') throw new HubbubError('unavailable', 'down', 1);
      return { type: 'joined', room: 'lobby', seq: 0 };
    }) as never,
    changed: () => undefined, applied: () => undefined, live: () => undefined, ...noPages,
  });
  await room.sync();
  expect(asked).toEqual(['history', 'join']);
  room.connectionLost();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual(['history', 'join']);
});

test('a room that nobody looks at lets its oldest messages go, and can page back to them', async () => {
  const room = roomWith((room) => {
    for (let seq = 1; seq <= 150; seq++) room.receive(entry(seq, seq - 1) as unknown as LogEvent);
    return { type: 'joined', room: 'lobby', seq: 150 };
  });
  await room.sync();
  expect([room.log.messages.length, room.hasOlder]).toEqual([150, false]);
  room.trim();
  expect([room.log.messages.length, room.log.messages[0]?.seq, room.hasOlder]).toEqual([100, 51, true]);
  room.hasOlder = false;
  room.trim(); // of which nothing went
  expect([room.log.messages.length, room.hasOlder]).toEqual([100, false]);
});

test('history that says that there is more, and has none, is at its beginning', async () => {
  let pages = 0;
  const room: Room = new Room(lobby, {
    request: (async (command: Command) => {
      if (command.type === 'join') return { type: 'joined', room: 'lobby', seq: 10 };
      return { type: 'history', room: 'lobby', messages: pages++ ? [] : [entry(10, 0)], more: true };
    }) as never,
    changed: () => undefined, applied: () => undefined, live: () => undefined, ...noPages,
  });
  await room.sync();
  expect([room.log.messages.length, room.hasOlder]).toEqual([1, true]);
  await room.loadOlder();
  expect([pages, room.hasOlder]).toEqual([2, false]);
  await room.loadOlder();
  expect(pages).toBe(2);
});
