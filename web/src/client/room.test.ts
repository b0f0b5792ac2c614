import { afterEach, expect, test, vi } from 'vitest';
import { entry, lobby } from '../../test/harness.ts';
import type { Command, LogEvent } from './protocol.ts';
import { Room } from './room.ts';

afterEach(() => vi.restoreAllMocks());

test('a fault in showing one entry does not close the room', async () => {
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
    live: () => undefined,
  });
  await room.sync();
  expect(room.live).toBe(true);
  expect(room.log.messages.map((m) => m.id)).toEqual(['m10', 'm20']);
  expect(asked).toBe(2);
  expect(said).toHaveBeenCalledOnce();
});
