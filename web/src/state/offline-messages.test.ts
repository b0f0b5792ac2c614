import { expect, test } from 'vitest';
import type { Message, Room } from '../client/index.ts';
import { OfflineMessages } from './offline-messages.ts';

test('what was kept of a room is shown until something newer is known', () => {
  const offline = new OfflineMessages();
  const room = (fields: object) => ({ id: 'a', live: false, history: 'none', log: { messages: [] }, ...fields }) as unknown as Room;
  expect(offline.of(room({}))).toBeUndefined();
  const kept = [{ id: 'm1' }] as unknown as Message[];
  offline.byRoom = { a: kept };
  expect(offline.of(room({}))).toBe(kept);
  expect(offline.of(room({ history: 'failed' }))).toBe(kept);
  expect(offline.of(room({ id: 'b' }))).toBeUndefined();
  for (const newer of [{ live: true }, { history: 'loaded' }, { log: { messages: [{}] } }]) expect(offline.of(room(newer))).toBeUndefined();
});
