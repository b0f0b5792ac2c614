import { expect, test } from 'vitest';
import { type RoomItem, sameItem } from './roomitem.ts';

const item: RoomItem = {
  id: 'r', name: 'Lobby', topic: 'Talk', private: false, direct: true, group: false, archived: false, unread: { count: 3, more: false, mentions: 1, first: 7 }, mentioned: true,
  last: { text: 'hi', name: 'Bo', mine: false, deleted: false, ts: 5 }, failed: false, unsent: false, draft: false, moved: 5, other: 'bo', status: 'online', typing: false,
};

test('an item is the same as its copy, and another if anything is other', () => {
  expect(sameItem(item, structuredClone(item))).toBe(true);
  const other = (v: unknown) => (typeof v === 'boolean' ? !v : typeof v === 'number' ? v + 1 : `${String(v)}x`);
  for (const [key, value] of Object.entries(item)) {
    if (typeof value === 'object') {
      for (const [inner, v] of Object.entries(value)) {
        const changed = { ...item, [key]: { ...value, [inner]: other(v) } } as RoomItem;
        expect([key, inner, sameItem(item, changed), sameItem(changed, item)]).toEqual([key, inner, false, false]);
      }
    } else expect([key, sameItem(item, { ...item, [key]: other(value) } as RoomItem)]).toEqual([key, false]);
  }
  expect([sameItem(item, { ...item, last: undefined }), sameItem({ ...item, last: undefined }, item), sameItem({ ...item, other: undefined }, item)]).toEqual([false, false, false]);
});
