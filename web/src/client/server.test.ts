import { afterEach, expect, test } from 'vitest';
import { SharedStore, Surroundings } from '../../test/surroundings.ts';
import { Api } from './api.ts';
import { Server } from './server.ts';
import { Session } from './session.ts';

let session: Session | undefined;
afterEach(() => session?.close());

/** A server that answers this, and what it was asked. */
function server(answer: object | string, status = 200): { server: Server; asked: unknown[] } {
  const asked: unknown[] = [];
  const api = new Api('', async (path, init) => {
    asked.push([init.method, path, ...(init.body ? [JSON.parse(String(init.body))] : [])]);
    return new Response(typeof answer === 'string' ? answer : JSON.stringify(answer), { status });
  });
  const grant = { token: 't', refreshToken: 'r', expiresAt: Date.now() + 3_600_000, user: { id: 'op', name: 'Op', guest: false } };
  session = new Session(api, new SharedStore(grant), new Surroundings());
  return { server: new Server(api, session), asked };
}

test.each([[{ role: 'operator' }, 'operator'], [{ role: 'auditor' }, 'auditor'], [{ role: 'king' }, ''], [{}, '']])('the role in %j', async (answer, role) => {
  expect(await server(answer).server.role()).toBe(role);
});

test('people are found by pages', async () => {
  const { server: s, asked } = server({ users: [{ id: 'u1', name: 'Ada', role: 'auditor', created: 1, seen: 2, banned: true }, { id: 'u2', seen: 0 }], next: 'bo' });
  expect(await s.people('a b', 'guests', 'ada')).toEqual({
    list: [
      { id: 'u1', name: 'Ada', guest: false, role: 'auditor', disabled: false, banned: true, created: 1, seen: 2 },
      { id: 'u2', name: '', guest: false, role: '', disabled: false, banned: false, created: 0 },
    ],
    next: 'bo',
  });
  await s.people('', 'all');
  expect(asked).toEqual([['GET', '/v1/server/users?q=a+b&show=guests&after=ada'], ['GET', '/v1/server/users?show=all']]);
});

test('a person comes with what is done to them', async () => {
  const mute = { user: 'u1', name: 'Ada', by: 'op', by_name: 'Op', reason: 'spam', since: 1, until: 9 };
  const { server: s } = server({ id: 'u1', name: 'Ada', mute, logins: [{ id: 's1', device: 'Firefox', address: '192.0.2.1', created: 1, used: 2 }] });
  const p = await s.person('u1');
  expect(p.mute).toEqual({ user: 'u1', name: 'Ada', by: 'op', byName: 'Op', reason: 'spam', since: 1, until: 9 });
  expect(p.ban).toBeUndefined();
  expect(p.logins).toEqual([{ id: 's1', current: false, device: 'Firefox', address: '192.0.2.1', created: 1, used: 2 }]);
});

test('what is done to people', async () => {
  const { server: s, asked } = server({ path: '#/reset/x' });
  await s.setRole('u/1', 'auditor');
  await s.signOut('u1');
  await s.setDisabled('u1', true);
  expect(await s.resetPath('u1')).toBe('#/reset/x');
  await s.restrict('bans', 'u1', 'spam', 60);
  await s.restrict('mutes', 'u1', '');
  await s.liftRestriction('bans', 'u1');
  await s.purge('u1', 'day', true, 'spam');
  await s.remove('u1', true);
  expect(asked).toEqual([
    ['PUT', '/v1/server/users/u%2F1/role', { role: 'auditor' }],
    ['POST', '/v1/server/users/u1/sign-out', {}],
    ['PUT', '/v1/server/users/u1/disabled', { disabled: true }],
    ['POST', '/v1/users/u1/reset', {}],
    ['PUT', '/v1/bans/u1', { reason: 'spam', minutes: 60 }],
    ['PUT', '/v1/mutes/u1', { reason: '' }],
    ['DELETE', '/v1/bans/u1'],
    ['POST', '/v1/purges/u1', { span: 'day', ban: true, reason: 'spam' }],
    ['POST', '/v1/server/users/u1/delete', { messages: 'remove' }],
  ]);
});

test('reports: the oldest that wait, the newest that are resolved, and their next pages', async () => {
  const { server: s, asked } = server({ reports: [{ id: 'p1', room_name: 'Lobby', state: 'resolved', outcome: 'ban', resolved: 5 }, { id: 'p2' }], more: true });
  const { list, next } = await s.reports(true, 'p0');
  expect([list[0]?.roomName, list[0]?.outcome, list[0]?.resolved, list[1]?.resolved, next]).toEqual(['Lobby', 'ban', 5, undefined, 'p2']);
  await s.reports(false);
  await s.resolve('p1', { outcome: 'purge', note: 'n', span: 'day' });
  await s.resolve('p1', { outcome: 'mute', note: '', minutes: 60 });
  expect(asked).toEqual([
    ['GET', '/v1/reports?resolved=true&newest=true&after=p0'],
    ['GET', '/v1/reports'],
    ['POST', '/v1/reports/p1/resolve', { outcome: 'purge', note: 'n', span: 'day' }],
    ['POST', '/v1/reports/p1/resolve', { outcome: 'mute', note: '', minutes: 60 }],
  ]);
});

test('an invitation becomes a link, and the ways in change', async () => {
  const { server: s, asked } = server({ link: 'id.s+cret', registration: 'invited', guests: 'rooms', guest_rooms: ['r1'] });
  expect(await s.invite(3, 60, '')).toBe('?invite=id.s%2Bcret');
  expect(await s.admit({ guests: 'rooms', guestRooms: ['r1'] })).toEqual({ registration: 'invited', guests: 'rooms', guestRooms: ['r1'] });
  expect(asked).toEqual([
    ['POST', '/v1/server/invitations', { uses: 3, minutes: 60 }],
    ['PATCH', '/v1/server', { guests: 'rooms', guest_rooms: ['r1'] }],
  ]);
});

test('networks are banned, one\'s own only if that is said', async () => {
  const { server: s, asked } = server({});
  await s.banNetwork('192.0.2.0/24', 'spam', undefined, false);
  await s.banNetwork('192.0.2.0/24', '', 60, true);
  await s.unbanNetwork('2001:db8::/32');
  expect(asked).toEqual([
    ['POST', '/v1/network-bans', { network: '192.0.2.0/24', reason: 'spam' }],
    ['POST', '/v1/network-bans', { network: '192.0.2.0/24', reason: '', minutes: 60, own: true }],
    ['DELETE', '/v1/network-bans?network=2001%3Adb8%3A%3A%2F32'],
  ]);
});

test('the audit log is read and exported by a filter', async () => {
  const { server: s, asked } = server('{"id":"a1"}\n');
  expect(await (await s.exportActs({ actor: 'u1', since: 5 })).text()).toBe('{"id":"a1"}\n');
  await s.acts({ action: 'server.ban' }, 'a9').catch(() => undefined);
  expect(asked).toEqual([['GET', '/v1/audit/export?actor=u1&since=5'], ['GET', '/v1/audit?action=server.ban&before=a9']]);
});

test('an export that is refused says why', async () => {
  const { server: s } = server({ code: 'forbidden', detail: 'only who runs this server may do that' }, 403);
  await expect(s.exportActs({})).rejects.toMatchObject({ code: 'forbidden', status: 403 });
});
