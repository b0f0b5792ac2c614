import { expect, test } from 'vitest';
import type { Message, RoomInfo } from '../client/index.ts';
import { toOfflineChat, most, type OfflineChat } from './offline-chat.ts';

const info = (id: string): RoomInfo => ({ id, name: id, topic: '', private: false, direct: false, role: 'member', member: true });
const message = (room: string, seq: number, text = 'x'): Message => ({ room, id: `m${seq}`, seq, user: 'bo', name: 'Bo', ts: seq, text, reactions: {} });

/** A client with rooms that have messages. */
function client(rooms: Record<string, Message[]>) {
  return { me: { id: 'ada', name: 'Ada', guest: false }, rooms: new Map(Object.entries(rooms).map(([id, messages]) => [id, { id, info: info(id), log: { messages } }])) } as unknown as Parameters<typeof toOfflineChat>[0];
}

test('the last messages of the rooms that were used last are kept', () => {
  const many = Array.from({ length: 200 }, (_, i) => message('a', i + 1));
  const rooms: Record<string, Message[]> = { a: many };
  for (let i = 0; i < 60; i++) rooms[`r${i}`] = [message(`r${i}`, 1_000 + i)];
  const kept = toOfflineChat(client(rooms), undefined, 5);
  expect([kept.user, kept.at, kept.rooms.length, Object.keys(kept.messages).length]).toEqual(['ada', 5, 61, most.rooms]);
  expect(kept.messages['r59']).toHaveLength(1);
  expect(kept.messages['r0']).toBeUndefined(); // others were used later
  const only = toOfflineChat(client({ a: many }), undefined, 5);
  expect(only.messages['a']!.map((m) => m.seq)).toEqual(many.slice(-most.messages).map((m) => m.seq));
});

test('long messages do not make it large', () => {
  const rooms: Record<string, Message[]> = {};
  for (let i = 0; i < 30; i++) rooms[`r${i}`] = Array.from({ length: 50 }, (_, k) => message(`r${i}`, i * 100 + k, 'x'.repeat(4_000)));
  const kept = toOfflineChat(client(rooms), undefined, 5);
  const sum = Object.values(kept.messages).flat().reduce((all, m) => all + m.text.length, 0);
  expect(sum).toBeLessThanOrEqual(most.text);
  expect(sum).toBeGreaterThan(most.text - 4_000);
  expect(kept.messages['r29']!.at(-1)!.seq).toBe(2949); // the newest
});

test('what a room had stays kept while it is not opened', () => {
  const before: OfflineChat = { user: 'ada', at: 1, rooms: [info('a'), info('gone')], messages: { a: [message('a', 3)], gone: [message('gone', 4)] } };
  const kept = toOfflineChat(client({ a: [], b: [] }), before, 5);
  expect(kept.messages).toEqual({ a: [message('a', 3)] });
  expect(kept.rooms.map((r) => r.id)).toEqual(['a', 'b']);
});
