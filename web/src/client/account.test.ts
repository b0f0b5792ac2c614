import { afterEach, expect, test } from 'vitest';
import { SharedStore, Surroundings } from '../../test/surroundings.ts';
import { Account } from './account.ts';
import { Api } from './api.ts';
import { Session } from './session.ts';

let session: Session | undefined;
afterEach(() => session?.close());

/** An account whose server answers this, and what it was asked. */
function account(answer: object): { account: Account; asked: unknown[] } {
  const asked: unknown[] = [];
  const api = new Api('', async (path, init) => {
    asked.push([init.method, path, new Headers(init.headers).get('authorization'), init.body ? JSON.parse(String(init.body)) : undefined]);
    return new Response(JSON.stringify(answer));
  });
  const grant = { token: 't', refreshToken: 'r', expiresAt: Date.now() + 3_600_000, user: { id: 'ada', name: 'Ada', guest: false } };
  session = new Session(api, new SharedStore(grant), new Surroundings());
  return { account: new Account(api, session), asked };
}

test('log-ins are listed as the server says, whatever that is', async () => {
  const { account: a } = account({ sessions: [{ id: 's1', current: true, device: 'Firefox on Linux', address: '192.0.2.1', created: 1, used: 2 }, { id: 's2', used: 'x' }] });
  expect(await a.logins()).toEqual([
    { id: 's1', current: true, device: 'Firefox on Linux', address: '192.0.2.1', created: 1, used: 2 },
    { id: 's2', current: false, device: '', address: '', created: 0, used: 0 },
  ]);
});

test('log-ins are ended, and the password is changed', async () => {
  const { account: a, asked } = account({ ended: 3 });
  await a.endLogin('s/1');
  expect(await a.endOtherLogins()).toBe(3);
  await a.changePassword('old', 'new', true);
  expect(asked).toEqual([
    ['DELETE', '/v1/sessions/s%2F1', 'Bearer t', undefined],
    ['DELETE', '/v1/sessions', 'Bearer t', undefined],
    ['POST', '/v1/password', 'Bearer t', { current: 'old', password: 'new', end_others: true }],
  ]);
});

test('what others may know is chosen', async () => {
  const { account: a, asked } = account({ seen_by: 'rooms', listed: false });
  expect(await a.settings()).toEqual({ seenBy: 'rooms', listed: false, invitedBy: 'everybody', directBy: 'everybody' });
  expect(await a.choose({ seenBy: 'nobody' })).toEqual({ seenBy: 'rooms', listed: false, invitedBy: 'everybody', directBy: 'everybody' });
  expect(asked).toEqual([
    ['GET', '/v1/settings', 'Bearer t', undefined],
    ['PATCH', '/v1/settings', 'Bearer t', { seen_by: 'nobody' }],
  ]);
});

test('the account is taken along and deleted', async () => {
  const { account: a, asked } = account({ account: { id: 'ada' } });
  expect(JSON.parse(await (await a.data()).text())).toEqual({ account: { id: 'ada' } });
  await a.remove('secret', false);
  await a.remove('secret', true);
  expect(asked).toEqual([
    ['GET', '/v1/me/data', 'Bearer t', undefined],
    ['POST', '/v1/me/delete', 'Bearer t', { password: 'secret', messages: 'keep' }],
    ['POST', '/v1/me/delete', 'Bearer t', { password: 'secret', messages: 'remove' }],
  ]);
});

test('the mail address, and how often digests come, are as the server says', async () => {
  const known = async (answer: object) => account(answer).account.mail();
  expect(await known({ address: 'ada@x', possible: true, digest: 'weekly' })).toEqual({ address: 'ada@x', possible: true, digest: 'weekly' });
  session?.close();
  expect(await known({ possible: true, digest: 'yearly' })).toEqual({ address: '', possible: true }); // a later server
});

test('digests end by the token of a link, without a log-in', async () => {
  const { account: a, asked } = account({});
  await a.stopDigests('u-1.a+b');
  expect(asked).toEqual([['POST', '/v1/digests/stop?token=u-1.a%2Bb', null, undefined]]);
});
