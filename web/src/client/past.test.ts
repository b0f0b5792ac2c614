import { expect, test } from 'vitest';
import { entry, lobby, noPages } from '../../test/harness.ts';
import type { Command, LogEvent } from './protocol.ts';
import { Room } from './room.ts';

/** More than a room holds for a reader who goes back, and by how much a page takes them. */
const [most, page] = [1_000, 50];

/** A room of 3,000 messages with the sequence numbers 1 to 3,000, whose history knows as many
 * as `known` says. */
async function long(known = () => 3_000) {
  const room: Room = new Room(lobby, {
    request: (async (command: Command) => {
      if (command.type === 'join') return { type: 'joined', room: 'lobby', seq: 3_000 };
      if (command.type !== 'history') throw new Error(command.type);
      const stored = known();
      const { before = stored + 1, after, limit = page } = command;
      const from = after === undefined ? Math.max(1, before - limit) : after + 1;
      const to = after === undefined ? before - 1 : Math.min(stored, after + limit);
      const messages = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => entry(from + i, from + i - 1));
      return { type: 'history', room: 'lobby', messages, more: after === undefined ? from > 1 : to < stored };
    }) as never,
    changed: () => undefined, applied: () => undefined, live: () => undefined, ...noPages,
  });
  await room.sync();
  return { room };
}

const seqs = (room: Room) => room.log.shown.map((m) => m.seq);
const inOrder = (room: Room) => seqs(room).every((seq, i, all) => i === 0 || seq === all[i - 1]! + 1);

test('a reader who goes back through all of it holds a part, without holes, and the end is still here', async () => {
  const { room } = await long();
  let held = 0;
  while (room.hasOlder) {
    await room.loadOlder();
    held = Math.max(held, (room.log.past?.length ?? 0) + room.log.messages.length);
    expect(inOrder(room)).toBe(true);
  }
  expect(seqs(room)[0]).toBe(1);
  expect(held).toBeLessThanOrEqual(most + 100);
  expect(room.log.past).toHaveLength(most);
  expect(room.log.messages.at(-1)!.seq).toBe(3_000);

  // And forward again, until the past ends where the rest begins.
  while (room.log.past) {
    await room.loadNewer();
    held = Math.max(held, (room.log.past?.length ?? 0) + room.log.messages.length);
    expect(inOrder(room)).toBe(true);
  }
  expect(seqs(room).at(-1)).toBe(3_000);
  expect(held).toBeLessThanOrEqual(most + 150);
  expect(room.hasOlder).toBe(true);
});

test('a past that reaches into the rest is one with it at once, each message once', async () => {
  const { room } = await long();
  while (!room.log.past) await room.loadOlder();
  expect(seqs(room).at(-1)).toBeGreaterThanOrEqual(room.log.messages[0]!.seq);
  await room.loadNewer();
  expect(room.log.past).toBeUndefined();
  expect(inOrder(room)).toBe(true);
  expect(seqs(room).at(-1)).toBe(3_000);
});

test('what is changed meanwhile is changed in the past, too, and what is new goes to the end', async () => {
  const { room } = await long();
  while (!room.log.past) await room.loadOlder();
  const shown = seqs(room);
  const event = (seq: number, rest: object) => room.receive({ ...entry(seq, seq - 1), ...rest } as unknown as LogEvent);
  event(3_001, {});
  event(3_002, { type: 'edited', target: `m${shown[5]}`, author: 'bo', text: 'other' });
  expect(room.log.shown[5]!.text).toBe('other');
  expect(seqs(room)).toEqual(shown);
  expect(room.log.messages.at(-1)!.seq).toBe(3_001);
  // However much comes: what is far from the reader is let go.
  for (let seq = 3_003; seq < 4_000; seq++) event(seq, {});
  expect(room.log.messages.length).toBeLessThanOrEqual(300);
  expect(seqs(room)).toEqual(shown);
  // A page that comes later has the change as well.
  while (seqs(room)[0]! > 1_500) await room.loadOlder();
  event(4_000, { type: 'deleted', target: `m${seqs(room)[0]! - 3}`, author: 'bo' });
  await room.loadOlder();
  expect(room.log.shown.find((m) => m.deleted)!.seq).toBe(seqs(room)[page - 3]);

  room.showNewest();
  expect(seqs(room).at(-1)).toBe(3_999);
  expect(inOrder(room)).toBe(true);
  expect(room.hasOlder).toBe(true);
});

test('where history has not stored yet what follows, there is no hole: it is asked for again', async () => {
  let stored = 3_000;
  const { room } = await long(() => stored);
  while (seqs(room)[0]! > 1_500) await room.loadOlder();
  const end = seqs(room).at(-1)!;
  expect(room.log.messages[0]!.seq).toBeGreaterThan(end + 20);
  stored = end + 10;
  await expect(room.loadNewer()).rejects.toThrow('not stored yet');
  expect(seqs(room).at(-1)).toBe(stored);
  expect(room.log.past).toBeDefined();
  stored = 3_000;
  while (room.log.past) await room.loadNewer();
  expect(seqs(room).at(-1)).toBe(3_000);
  expect(inOrder(room)).toBe(true);
});

test('a reader who stays far up keeps what is around them, however much comes', async () => {
  const { room } = await long();
  for (let i = 0; i < 10; i++) await room.loadOlder();
  for (let seq = 3_001; seq <= 4_500; seq++) room.receive(entry(seq, seq - 1) as unknown as LogEvent);
  room.trimAround(3_000);
  expect(seqs(room)).toHaveLength(most);
  expect(seqs(room)).toContain(3_000);
  expect(inOrder(room)).toBe(true);
  expect(room.log.messages.at(-1)!.seq).toBe(4_500);
});
