import { describe, expect, test } from 'vitest';
import { Api } from './api.ts';
import { ConnectionLost } from './errors.ts';

interface Call {
  method: string;
  path: string;
  body: unknown;
  token: string | null;
}

function api(status: number, body: unknown): { api: Api; calls: Call[] } {
  const calls: Call[] = [];
  return {
    calls,
    api: new Api('http://h', (path, init) => {
      const headers = new Headers(init.headers);
      calls.push({ method: init.method!, path, body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined, token: headers.get('authorization') });
      return Promise.resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }));
    }),
  };
}

const one = { id: 'r', name: 'R', topic: 't', private: true, direct: false, role: 'owner', member: true };

test.each<[string, (a: Api) => Promise<unknown>, string, unknown]>([
  ['create', (a) => a.createRoom('T', 'n', 't', true), 'POST http://h/v1/rooms', { name: 'n', topic: 't', private: true }],
  ['join', (a) => a.join('T', 'r'), 'POST http://h/v1/rooms/r/join', {}],
  ['leave', (a) => a.leave('T', 'r'), 'POST http://h/v1/rooms/r/leave', {}],
  ['add', (a) => a.addMember('T', 'r', 'u'), 'POST http://h/v1/rooms/r/members', { user: 'u' }],
  ['direct', (a) => a.direct('T', 'u'), 'POST http://h/v1/direct', { user: 'u' }],
  ['users', (a) => a.users('T', 'a b'), 'GET http://h/v1/users?q=a%20b', undefined],
  ['last seen', (a) => a.lastSeen('T', 'u/v'), 'GET http://h/v1/users/u%2Fv/presence', undefined],
  ['messages', (a) => a.messages('T', 'r', { before: 5, limit: 2 }), 'GET http://h/v1/rooms/r/messages?before=5&limit=2', undefined],
])('%s', async (_, call, line, body) => {
  const { api: a, calls } = api(200, one);
  await call(a);
  expect(calls).toEqual([{ method: line.split(' ')[0], path: line.split(' ')[1], body, token: 'Bearer T' }]);
});

test('rooms are read with what is missing filled in', async () => {
  const { api: a } = api(200, { rooms: [one, { id: 'x', name: 'X' }] });
  expect(await a.rooms('T')).toEqual([one, { id: 'x', name: 'X', topic: '', private: false, direct: false, role: '', member: false }]);
});

test('the start is read, whatever is missing in it', async () => {
  const { api: a, calls } = api(200, {
    rooms: [one], requests: [{ room: 'd', user: 'u', name: 'N', count: 2, since: 5 }], more_requests: true,
    invitations: [{ room: 'i', room_name: 'I', private: true, by: 'u', by_name: 'N' }], blocks: [{ user: 'b', name: 'B', kind: 'ignore' }], role: 'auditor', guest_may: ['react'],
  });
  expect(await a.start('T')).toEqual({
    rooms: [one],
    lists: {
      requests: { list: [{ room: 'd', user: 'u', name: 'N', count: 2, since: 5 }], more: true },
      invitations: [{ room: 'i', roomName: 'I', private: true, by: 'u', byName: 'N' }], blocks: [{ user: 'b', name: 'B', kind: 'ignore' }],
      role: 'auditor', guestMay: ['react'],
    },
  });
  expect(calls[0]).toMatchObject({ path: 'http://h/v1/start', token: 'Bearer T' });
  expect((await api(200, { role: 'king' }).api.start('T')).lists).toEqual({ requests: { list: [], more: false }, invitations: [], blocks: [], role: '', guestMay: undefined });
});

test('public rooms are asked for by pages', async () => {
  const { api: a, calls } = api(200, { rooms: [{ ...one, members: 3 }, one], next: '5.r' });
  expect(await a.publicRooms('T', 'a b&', 'new', '7.x')).toEqual({ list: [{ ...one, members: 3 }, one], next: '5.r' });
  expect(calls[0]!.path).toBe('http://h/v1/public-rooms?q=a+b%26&sort=new&cursor=7.x');
  expect(await api(200, { rooms: [] }).api.publicRooms('T', '', 'active')).toEqual({ list: [] });
});

test('when somebody was last seen, if that is told', async () => {
  expect(await api(200, { status: 'offline', last_seen: 5 }).api.lastSeen('T', 'u')).toBe(5);
  expect(await api(200, { status: 'offline', last_seen: 0 }).api.lastSeen('T', 'u')).toBeUndefined();
  expect(await api(200, { status: 'online' }).api.lastSeen('T', 'u')).toBeUndefined();
});

describe('failures', () => {
  test('a problem keeps code, detail and delay', async () => {
    const { api: a } = api(429, { code: 'rate_limited', detail: 'Slower.', retry_after_ms: 9 });
    await expect(a.login('a', 'b')).rejects.toMatchObject({ code: 'rate_limited', message: 'Slower.', retryAfterMs: 9, status: 429 });
  });

  test.each([[401, 'unauthorized'], [429, 'rate_limited'], [502, 'unavailable'], [400, 'bad_request']])(
    'status %d of something that is not Hubbub is %s', async (status, code) => {
      const { api: a } = api(status, '<html>');
      await expect(a.rooms('T')).rejects.toMatchObject({ code });
    });

  test('no answer at all is a lost connection', async () => {
    const a = new Api('', () => Promise.reject(new TypeError('fetch failed')));
    await expect(a.rooms('T')).rejects.toBeInstanceOf(ConnectionLost);
  });

  test('a server without read positions has none', async () => {
    expect(await api(404, {}).api.reads('T')).toEqual({});
    expect(await api(200, { reads: { a: 5, b: 'x' } }).api.reads('T')).toEqual({ a: 5 });
  });
});
