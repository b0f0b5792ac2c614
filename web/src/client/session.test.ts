import { afterEach, describe, expect, test, vi } from 'vitest';
import { SharedStore, Surroundings } from '../../test/surroundings.ts';
import { Api, type Grant } from './api.ts';
import { HubbubError } from './errors.ts';
import { Session } from './session.ts';

const hour = 3_600_000;
const sessions: Session[] = [];
let calls: string[] = [];
let answer: (path: string, body: Record<string, string>) => { status?: number; body: object };

afterEach(() => {
  for (const s of sessions.splice(0)) s.close();
  vi.useRealTimers();
});

function grant(token: string, life = hour): Grant {
  return { token, refreshToken: `r-${token}`, expiresAt: Date.now() + life, user: { id: 'ada', name: 'Ada', guest: false } };
}
/** What a page gets whose refresh token is in a cookie. */
const inCookie = (g: Grant) => ({ token: g.token, expires_at: g.expiresAt, user: g.user });
const wire = (g: Grant) => ({ token: g.token, refresh_token: g.refreshToken, expires_at: g.expiresAt, user: g.user });

function session(store: SharedStore): Session {
  const api = new Api('', async (path, init) => {
    calls.push(path);
    const { status = 200, body } = answer(path, JSON.parse(String(init.body ?? '{}')) as Record<string, string>);
    return new Response(JSON.stringify(body), { status });
  });
  const s = new Session(api, store, new Surroundings());
  sessions.push(s);
  return s;
}

function start(stored?: Grant): { session: Session; store: SharedStore; users: (string | undefined)[] } {
  calls = [];
  const store = new SharedStore(stored);
  const s = session(store);
  const users: (string | undefined)[] = [];
  s.on('user', (u) => users.push(u?.name));
  return { session: s, store, users };
}

describe('logging in', () => {
  test('keeps the grant and says who it is', async () => {
    const { session: s, store, users } = start();
    answer = () => ({ body: wire(grant('t')) });
    await s.login('Ada', 'secret');
    expect(users).toEqual(['Ada']);
    expect(store.grant?.token).toBe('t');
    expect(await s.token()).toBe('t');
  });

  test('an error of the server reaches the caller, with its sentence', async () => {
    const { session: s, users } = start();
    answer = () => ({ status: 401, body: { code: 'unauthorized', detail: 'The password is wrong.' } });
    await expect(s.login('Ada', 'x')).rejects.toMatchObject({ code: 'unauthorized', message: 'The password is wrong.', status: 401 });
    expect(users).toEqual([]);
  });

  test('expiry may be a time in text, too', async () => {
    const { session: s, store } = start();
    const g = grant('t');
    answer = () => ({ body: { ...wire(g), expires_at: new Date(g.expiresAt).toISOString() } });
    await s.guest('Ada');
    expect(store.grant?.expiresAt).toBe(g.expiresAt);
  });
});

describe('tokens', () => {
  test('live as long as the server says, also where the clock is wrong', async () => {
    const { session: s, store } = start();
    const fast = { ...wire(grant('t', -2 * hour)), expires_in: 3_600 };
    answer = () => ({ body: fast });
    const before = Date.now();
    await s.login('Ada', 'secret');
    expect(store.grant?.expiresAt).toBeGreaterThanOrEqual(before + hour);
    expect(await s.token()).toBe('t');
    expect(calls).toEqual(['/v1/login']);
  });

  test('are renewed when they have expired, once for all who ask', async () => {
    const { session: s } = start(grant('old', -1));
    answer = (path, body) => {
      expect([path, body['refresh_token']]).toEqual(['/v1/refresh', 'r-old']);
      return { body: wire(grant('new')) };
    };
    expect(await Promise.all([s.token(), s.token()])).toEqual(['new', 'new']);
    expect(calls).toEqual(['/v1/refresh']);
  });

  test('are renewed before they expire', async () => {
    vi.useFakeTimers();
    const { session: s } = start(grant('old', hour));
    answer = () => ({ body: wire(grant('new')) });
    await vi.advanceTimersByTimeAsync(hour - 61_000);
    expect(calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(calls).toEqual(['/v1/refresh']);
    expect(await s.token()).toBe('new');
  });

  test('a server that is away does not end the session', async () => {
    const { session: s, users } = start(grant('old', -1));
    answer = () => ({ status: 503, body: {} });
    await expect(s.token()).rejects.toMatchObject({ code: 'unavailable' });
    expect(users).toEqual([]);
    expect(s.user?.name).toBe('Ada');
  });

  test('a refused renewal ends it', async () => {
    const { session: s, store, users } = start(grant('old', -1));
    answer = () => ({ status: 401, body: { code: 'unauthorized', detail: 'used' } });
    await expect(s.token()).rejects.toMatchObject({ code: 'unauthorized' });
    expect(users).toEqual([undefined]);
    expect(store.grant).toBeUndefined();
  });
});

test('a guest who registers is another user of the same session', async () => {
  const guest = { ...grant('old'), user: { id: 'ada', name: 'Ada (guest)', guest: true } };
  const { session: s, store, users } = start(guest);
  answer = (path, body) => {
    expect([path, body]).toEqual(['/v1/me/register', { name: 'Ada', password: 'secret', invitation: 'x' }]);
    return { body: inCookie(grant('new')) };
  };
  await s.keepAccount('Ada', 'secret', 'x');
  expect(users).toEqual(['Ada']);
  expect(store.grant).toMatchObject({ token: 'new', refreshToken: 'r-old', user: { guest: false } });
});

describe('a refresh token in a cookie', () => {
  test('of the page of before moves there, and nobody is logged out', async () => {
    const { session: s, store, users } = start(grant('old', -1));
    answer = (_, body) => {
      expect(body['refresh_token']).toBe('r-old');
      return { body: inCookie(grant('new', -1)) };
    };
    await s.token();
    expect(store.grant?.refreshToken).toBeUndefined();
    answer = (_, body) => {
      expect('refresh_token' in body).toBe(false);
      return { body: inCookie(grant('newer')) };
    };
    expect(await s.token()).toBe('newer');
    expect(users).toEqual([]);
  });

  test('a log-out is told by the cookie', async () => {
    const { session: s, store } = start();
    answer = () => ({ body: inCookie(grant('t')) });
    await s.login('Ada', 'secret');
    await s.logout();
    expect(calls).toEqual(['/v1/login', '/v1/refresh/end']);
    expect([store.grant, store.leaving]).toEqual([undefined, false]);
  });

  test('a log-out that could not be told is told later, and before the next log-in', async () => {
    const { session: s, store } = start();
    const { refreshToken: _, ...kept } = grant('t');
    store.save(kept);
    answer = () => ({ status: 503, body: {} });
    await s.logout();
    expect([s.user, store.leaving]).toEqual([undefined, true]);
    answer = () => ({ body: inCookie(grant('next')) });
    calls = [];
    await s.login('Ada', 'secret');
    expect(calls).toEqual(['/v1/refresh/end', '/v1/login']);
    expect(store.leaving).toBe(false);

    store.setLeaving(true);
    calls = [];
    session(store); // the page is opened again
    await vi.waitFor(() => expect(store.leaving).toBe(false));
    expect(calls).toEqual(['/v1/refresh/end']);
  });
});

describe('an answer that is lost', () => {
  test('is asked for again with the same attempt, also by the page after it', async () => {
    const { session: s, store } = start(grant('old', -1));
    const attempts: (string | undefined)[] = [];
    answer = (_, body) => {
      attempts.push(body['attempt']);
      expect(store.grant?.attempt).toBe(body['attempt']); // it is kept before
      return { status: 503, body: {} };
    };
    await expect(s.token()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(s.token()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(session(store).token()).rejects.toMatchObject({ code: 'unavailable' });
    expect(attempts[0]).toMatch(/^.{16,64}$/);
    expect(new Set(attempts).size).toBe(1);
    answer = () => ({ body: wire(grant('new', -1)) });
    await s.token();
    answer = (_, body) => {
      attempts.push(body['attempt']);
      return { body: wire(grant('newer')) };
    };
    await s.token();
    expect(new Set(attempts).size).toBe(2);
  });

  test('that is cut off is no answer', async () => {
    const { session: s, store } = start(grant('old', -1));
    answer = () => ({ body: [] });
    await expect(s.token()).rejects.toMatchObject({ name: 'ConnectionLost' });
    expect(store.grant?.token).toBe('old');
  });
});

describe('several pages', () => {
  test('only one renews; the other takes its grant', async () => {
    const { session: a, store } = start(grant('old', -1));
    const b = session(store);
    answer = () => ({ body: wire(grant('new')) });
    expect(await Promise.all([a.token(), b.token()])).toEqual(['new', 'new']);
    expect(calls).toEqual(['/v1/refresh']);
  });

  test('one that slept uses what the others have left, and not what it knew', async () => {
    const { session: a, store } = start(grant('old', -1));
    store.grant = grant('newer', -1); // without telling
    const used: (string | undefined)[] = [];
    answer = (_, body) => {
      used.push(body['refresh_token']);
      return { body: wire(grant('new')) };
    };
    expect(await a.token()).toBe('new');
    expect(used).toEqual(['r-newer']);
  });

  test('logging out in one logs out the other', async () => {
    const { session: a, store } = start(grant('t'));
    const b = session(store);
    answer = () => ({ body: {} });
    await a.logout();
    expect(b.user).toBeUndefined();
    await expect(b.token()).rejects.toBeInstanceOf(HubbubError);
  });
});

test('a call that meets an expired token is made again with a fresh one', async () => {
  const { session: s } = start(grant('old'));
  answer = () => ({ body: wire(grant('new')) });
  const tokens: string[] = [];
  const result = await s.call((token) => {
    tokens.push(token);
    return token === 'old' ? Promise.reject(new HubbubError('token_expired', 'x')) : Promise.resolve('done');
  });
  expect([result, tokens]).toEqual(['done', ['old', 'new']]);
});
