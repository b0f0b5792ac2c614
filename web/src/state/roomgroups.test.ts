import { expect, test } from 'vitest';
import type { RoomItem } from './chat.svelte.ts';
import { firstRooms, grouped } from './roomgroups.ts';

const item = (id: string, more: Partial<RoomItem> = {}): RoomItem => ({
  id, name: id, topic: '', private: false, direct: false, group: false, archived: false, unread: { count: 0, more: false, mentions: 0, first: undefined } as RoomItem['unread'], mentioned: false, last: undefined,
  failed: false, unsent: false, draft: false, moved: 0, other: undefined, status: undefined, typing: false, ...more,
});
const unread = { count: 2, more: false, mentions: 0, first: undefined } as RoomItem['unread'];
const order = { favourites: new Set(['f', 'm']), muted: new Set(['m', 'n', 'o']), sections: [{ name: 'Work', rooms: ['w', 'gone'] }, { name: 'Empty', rooms: [] }] };

test('rooms stand under what is unread, favourites, sections, the others, direct messages and what is muted', () => {
  const rooms = [
    item('a'), item('d', { direct: true }), item('f'), item('w'), item('u', { unread }), item('m', { unread }), item('n'), item('o', { unread, mentioned: true }), item('b'), item('e', { direct: true, unread }),
  ];
  expect(grouped(rooms, order).map((g) => [g.name, g.rooms.map((r) => r.id).join(' ')])).toEqual([
    ['Unread', 'u o e'], ['Favourites', 'f'], ['Work', 'w'], ['Rooms', 'a b'], ['Direct messages', 'd'], ['Muted', 'm n'],
  ]);
});

test('the room that was opened as unread stays there while it is open', () => {
  expect(grouped([item('a'), item('b')], order, 'b').map((g) => [g.name, g.rooms.map((r) => r.id)])).toEqual([['Unread', ['b']], ['Rooms', ['a']]]);
});

test('the beginning of the list has its first rooms, and no heading without one', () => {
  const groups = grouped([item('a'), item('b'), item('f'), item('n')], order);
  const ids = (rooms: number) => firstRooms(groups, rooms).map((g) => g.rooms.map((r) => r.id).join(''));
  expect([ids(0), ids(1), ids(2), ids(3), ids(9)]).toEqual([[], ['f'], ['f', 'a'], ['f', 'ab'], ['f', 'ab', 'n']]);
  expect(firstRooms(groups, 4)).toEqual(groups);
});
