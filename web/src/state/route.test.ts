import { expect, test } from 'vitest';
import { parseRoute, roomHash } from './route.ts';

test.each(['', '#', '#/', '#/room/', '#/room/a b', '#/room/a/b', '#/elsewhere', `#/room/${'x'.repeat(65)}`])('%j is the list', (hash) => {
  expect(parseRoute(hash)).toEqual({ page: 'rooms' });
});

test('a room and back', () => {
  expect(parseRoute(roomHash('d-AB_1'))).toEqual({ page: 'room', room: 'd-AB_1' });
});
