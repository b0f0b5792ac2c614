import { expect, test } from 'vitest';
import { parseInvitation, parseRoute, roomHash, serverHash, threadHash } from './route.ts';

test.each(['', '#', '#/', '#/room/', '#/room/a b', '#/room/a/b', '#/elsewhere', `#/room/${'x'.repeat(65)}`])('%j is the list', (hash) => {
  expect(parseRoute(hash)).toEqual({ page: 'rooms' });
});

test('a message and back', () => {
  expect(parseRoute(roomHash('d-AB_1', 2 ** 53 - 1))).toEqual({ page: 'room', room: 'd-AB_1', seq: 2 ** 53 - 1 });
  expect(parseRoute('#/room/a/9999999999999999')).toEqual({ page: 'room', room: 'a' }); // no seq is so large
});

test('a room and back', () => {
  expect(parseRoute(roomHash('d-AB_1'))).toEqual({ page: 'room', room: 'd-AB_1' });
});

test('a thread of a room and back', () => {
  expect(parseRoute(threadHash('d-AB_1', { user: 'u-1', id: 'm_1' }))).toEqual({ page: 'room', room: 'd-AB_1', thread: { user: 'u-1', id: 'm_1' } });
  expect(parseRoute(threadHash('d-AB_1', { user: 'u-1', id: 'm_1' }, 7))).toEqual({ page: 'room', room: 'd-AB_1', thread: { user: 'u-1', id: 'm_1', seq: 7 } });
  expect(parseRoute('#/room/r/thread/u/m/9999999999999999')).toEqual({ page: 'room', room: 'r', thread: { user: 'u', id: 'm' } }); // no seq is so large
  expect(parseRoute('#/threads')).toEqual({ page: 'threads' });
  expect(parseRoute('#/room/r/thread/u')).toEqual({ page: 'rooms' });
  expect(parseRoute('#/room/r/thread/u/m m')).toEqual({ page: 'rooms' });
});

test('a link to confirm a mail address', () => {
  expect(parseRoute('#/mail/Ab_-1')).toEqual({ page: 'mail', secret: 'Ab_-1' });
});

test('a link that ends digests', () => {
  expect(parseRoute('#/digests/u-1_a.Ab_-1')).toEqual({ page: 'digests', secret: 'u-1_a.Ab_-1' });
  expect(parseRoute('#/digests/')).toEqual({ page: 'rooms' });
  expect(parseRoute('#/digests/a/b')).toEqual({ page: 'rooms' });
});

test('a set-up link', () => {
  expect(parseRoute('#/setup/Ab_-1')).toEqual({ page: 'setup', secret: 'Ab_-1' });
  expect(parseRoute('#/setup/')).toEqual({ page: 'rooms' });
});

test.each([['', undefined], ['?invite=', undefined], ['?a=b', undefined], ['?invite=id.se_cret', 'id.se_cret'], ['?a=b&invite=x%2By', 'x+y']])(
  'the invitation of %j', (search, invitation) => {
    expect(parseInvitation(search)).toBe(invitation);
  });

test.each([
  [serverHash(), { page: 'server', asked: {} }],
  [serverHash('people', { person: 'u1' }), { page: 'server', section: 'people', asked: { person: 'u1' } }],
  [serverHash('audit', { actor: 'u1', action: '', room: undefined, since: '1' }), { page: 'server', section: 'audit', asked: { actor: 'u1', since: '1' } }],
  [serverHash('people', { q: 'Ä & #?' }), { page: 'server', section: 'people', asked: { q: 'Ä & #?' } }],
  ['#/server/nonsense', { page: 'rooms' }],
  ['#/server/people/x', { page: 'rooms' }],
  ['#/servers', { page: 'rooms' }],
])('%s is of the server page', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});
