import { expect, test } from 'vitest';
import type { Message, Room } from '../client/index.ts';
import { Recalled } from './recalled.ts';

test('what was kept of a room is shown until something newer is known', () => {
  const recalled = new Recalled();
  const room = (fields: object) => ({ id: 'a', live: false, history: 'none', log: { messages: [] }, ...fields }) as unknown as Room;
  expect(recalled.of(room({}))).toBeUndefined();
  const kept = [{ id: 'm1' }] as unknown as Message[];
  recalled.messages = { a: kept };
  expect(recalled.of(room({}))).toBe(kept);
  expect(recalled.of(room({ history: 'failed' }))).toBe(kept);
  expect(recalled.of(room({ id: 'b' }))).toBeUndefined();
  for (const newer of [{ live: true }, { history: 'loaded' }, { log: { messages: [{}] } }]) expect(recalled.of(room(newer))).toBeUndefined();
});
