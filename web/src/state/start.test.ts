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

test('the page starts, and comes back, with one request for all lists, and joins 500 rooms by five messages', async () => {
  h = Harness.start({ routes: { 'GET /v1/inbox': () => ({ body: { rooms: [] } }) }, rooms: Array.from({ length: 500 }, (_, i) => ({ ...lobby, id: `r${i}`, name: `Room ${i}` })) });
  chat = new Chat(h.client);
  for (const start of ['first', 'again']) {
    h.asked.length = 0;
    const peer = await h.server.peer();
    await peer.welcome({ limits: { frame: 65_536, text: 8_192, rooms: 500, rate: 100_000, joins: 100 } });
    const frames: Record<string, number> = {};
    await until(() => {
      for (const said of peer.read()) {
        frames[said.type] = (frames[said.type] ?? 0) + 1;
        if (said.type === 'history') peer.reply(said, { type: 'history', room: said['room'], messages: [], more: false });
        else if (said.type === 'join') peer.reply(said, { type: 'joined', room: said['room'], seq: 0 });
      }
      return h.client.rooms.size === 500 && [...h.client.rooms.values()].every((r) => r.live) && h.asked.length === 2;
    });
    expect(h.asked.toSorted()).toEqual(['GET /v1/inbox', 'GET /v1/start']);
    if (start === 'again') expect([peer.joins.length, frames['history']]).toEqual([5, undefined]);
    peer.cut();
  }
  expect(chat.rooms).toHaveLength(500);
});

test('a server of an earlier release is asked for each list', async () => {
  h = Harness.start({ routes: { 'GET /v1/start': () => ({ status: 404, body: { code: 'not_found', detail: 'there is no such route' } }), 'GET /v1/blocks': () => ({ body: { blocks: [{ user: 'bo', name: 'Bo', kind: 'ignore' }] } }) } });
  chat = new Chat(h.client);
  await h.lobby();
  await until(() => chat.strangers.blocks.length === 1);
  expect(h.asked).toEqual(expect.arrayContaining(['GET /v1/start', 'GET /v1/rooms', 'GET /v1/requests', 'GET /v1/invitations', 'GET /v1/blocks']));
  expect(h.client.rooms.has('lobby')).toBe(true);
});
