import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Harness, lobby } from '../../test/harness.ts';
import { until } from '../../test/surroundings.ts';
import { Chat } from './chat.svelte.ts';

let h: Harness;
let chat: Chat;
beforeEach(() => {
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined, removeItem: () => undefined });
});
afterEach(() => {
  chat.close();
  h.stop();
  vi.unstubAllGlobals();
});

test('the page starts, and comes back, with one request, and knows 500 rooms by eight messages', async () => {
  h = Harness.start({ rooms: Array.from({ length: 500 }, (_, i) => ({ ...lobby, id: `r${i}`, name: `Room ${i}` })) });
  const said = (i: number) => ({ seq: 7, id: `m${i}`, user: 'bo', name: 'Bo', ts: i + 1, text: `text ${i}` });
  h.server.inbox = () => ({ rooms: h.rooms.map((r, i) => ({ room: r.id, read: 7, through: 9, unread: 0, mentions: 0, ...(i < 499 ? { last: said(i) } : { read: 0, through: 0 }) })) });
  chat = new Chat(h.client);
  for (const start of ['first', 'again']) {
    h.asked.length = 0;
    const peer = await h.server.peer();
    await peer.welcome({ limits: { frame: 65_536, text: 8_192, rooms: 500, rate: 100_000, joins: 100 } });
    const frames: Record<string, number> = {};
    const after: unknown[] = [];
    await until(() => {
      for (const said of peer.read()) {
        frames[said.type] = (frames[said.type] ?? 0) + 1;
        if (said.type === 'history') peer.reply(said, { type: 'history', room: said['room'], messages: [], more: false });
        else if (said.type === 'join') peer.reply(said, { type: 'joined', room: said['room'], seq: (after.push(said['after']), 9) });
      }
      return h.client.rooms.size === 500 && [...h.client.rooms.values()].every((r) => r.live) && chat.rooms[0]?.last !== undefined;
    });
    expect(h.asked).toEqual(['GET /v1/start']);
    expect([peer.joins.length, frames['history']]).toEqual([5, undefined]);
    const begin = (i: number) => JSON.stringify(i < 499 ? { seq: 7, id: `m${i}` } : { seq: 0 });
    if (start === 'first') expect(after.map((a) => JSON.stringify(a)).toSorted()).toEqual(h.rooms.map((_, i) => begin(i)).toSorted());
    peer.cut();
  }
  expect(chat.rooms).toHaveLength(500);
  expect(chat.rooms[0]!.last).toMatchObject({ text: 'text 498', name: 'Bo' });
});

test('a server of an earlier release is asked for each list', async () => {
  h = Harness.start({ routes: { 'GET /v1/start': () => ({ status: 404, body: { code: 'not_found', detail: 'there is no such route' } }), 'GET /v1/blocks': () => ({ body: { blocks: [{ user: 'bo', name: 'Bo', kind: 'ignore' }] } }) } });
  chat = new Chat(h.client);
  await h.lobby();
  await until(() => chat.requestsAndBlocks.blocks.length === 1);
  expect(h.asked).toEqual(expect.arrayContaining(['GET /v1/start', 'GET /v1/rooms', 'GET /v1/requests', 'GET /v1/invitations', 'GET /v1/blocks']));
  expect(h.client.rooms.has('lobby')).toBe(true);
});
