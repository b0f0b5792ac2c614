import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SharedStore, Surroundings } from '../../test/surroundings.ts';
import { Api, type Grant } from './api.ts';
import { HubbubError } from './errors.ts';
import { Session } from './session.ts';

// When a token is renewed, and what ends a session.

const minute = 60_000;
const hour = 60 * minute;
let calls: string[];
let answer: (path: string, body: Record<string, string>) => { status?: number; body: object } | Promise<{ status?: number; body: object }>;
let open: Session[];
let surroundings: Surroundings;

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  open = [];
  surroundings = new Surroundings();
});
afterEach(() => {
  for (const s of open) s.close();
  vi.useRealTimers();
});

function grant(token: string, life = hour, rest: Partial<Grant> = {}): Grant {
  return { token, refreshToken: `r-${token}`, expiresAt: Date.now() + life, user: { id: 'ada', name: 'Ada', guest: false }, ...rest };
}
const wire = (g: Grant) => ({ body: { token: g.token, refresh_token: g.refreshToken, expires_at: g.expiresAt, user: g.user } });
const refused = (status: number, code: string) => ({ status, body: { code, detail: 'no' } });
const settle = () => vi.advanceTimersByTimeAsync(0);

function start(stored?: Grant, store = new SharedStore(stored)): { session: Session; store: SharedStore; users: (string | undefined)[] } {
  const api = new Api('', async (path, init) => {
    calls.push(path);
    const { status = 200, body } = await answer(path, JSON.parse(String(init.body ?? '{}')) as Record<string, string>);
    return new Response(JSON.stringify(body), { status });
  });
  const session = new Session(api, store, surroundings);
  open.push(session);
  const users: (string | undefined)[] = [];
  session.on('user', (u) => users.push(u?.name));
  return { session, store, users };
}

describe('a token', () => {
  test.each([[hour, 59 * minute], [10 * minute, 9 * minute], [100_000, 80_000], [1_000, 1_000]])('of %d ms is renewed after %d', async (life, after) => {
    start(grant('old', life));
    answer = () => wire(grant('new', 10 * hour));
    await vi.advanceTimersByTimeAsync(after - 1);
    expect(calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toEqual(['/v1/refresh']);
  });

  test('of many days is renewed at its end, and not before', async () => {
    start(grant('old', 40 * 24 * hour));
    answer = () => wire(grant('new', 10 * hour));
    await vi.advanceTimersByTimeAsync(39 * 24 * hour);
    expect(calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(24 * hour);
    expect(calls[0]).toBe('/v1/refresh');
  });

  test('is renewed again and again', async () => {
    const { session } = start(grant('t0', 10 * minute));
    let n = 0;
    answer = () => wire(grant(`t${++n}`, 10 * minute));
    await vi.advanceTimersByTimeAsync(30 * minute);
    expect([n, await session.token()]).toEqual([3, 't3']);
    await session.token(true);
    await session.token(true);
    expect(n).toBe(5);
  });

  test('that cannot be renewed is tried again soon, until it can', async () => {
    const { session, users } = start(grant('old', 10 * minute));
    answer = () => refused(503, 'unavailable');
    await vi.advanceTimersByTimeAsync(9 * minute);
    expect(calls.length).toBe(1);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(calls.length).toBe(4);
    answer = () => wire(grant('new'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect([await session.token(), users]).toEqual(['new', []]);
  });

  test('is the one that is stored, where another page was faster, if it is good still', async () => {
    const { session, store } = start(grant('old', -1));
    store.grant = grant('theirs', hour);
    expect([await session.token(), calls]).toEqual(['theirs', []]);
  });

  test('of a page that is closed is not renewed', async () => {
    const { session, store, users } = start(grant('old', 10 * minute));
    session.close();
    await vi.advanceTimersByTimeAsync(hour);
    store.save(undefined);
    expect([calls, users]).toEqual([[], []]);
  });
});

describe('a session ends', () => {
  test.each([[401, 'unauthorized'], [403, 'forbidden']])('when its renewal is answered %d %s', async (status, code) => {
    const { session, store, users } = start(grant('old', -1));
    answer = () => refused(status, code);
    await expect(session.token()).rejects.toMatchObject({ code: 'unauthorized' });
    expect([users, store.grant, session.user]).toEqual([[undefined], undefined, undefined]);
  });

  test('when another page has logged out, without a request', async () => {
    const { session, store, users } = start(grant('old', -1));
    store.grant = undefined; // without telling
    await expect(session.token()).rejects.toMatchObject({ code: 'unauthorized' });
    expect([users, calls]).toEqual([[undefined], []]);
  });

  test('with a log-out that comes while a token is renewed', async () => {
    const { session, store } = start(grant('old', -1));
    let give: (a: { body: object }) => void = () => undefined;
    answer = (path) => (path === '/v1/refresh' ? new Promise((resolve) => (give = resolve)) : { body: {} });
    const asked = session.token();
    const ended = expect(asked).rejects.toMatchObject({ code: 'unauthorized' });
    await settle();
    await session.logout();
    give(wire(grant('new')));
    await ended;
    expect([store.grant, session.user]).toEqual([undefined, undefined]);
  });

  test('here at once, and at the server by its token', async () => {
    const { session, store } = start(grant('t'));
    answer = () => refused(503, 'unavailable');
    await session.logout();
    expect([calls, store.grant, store.leaving]).toEqual([['/v1/logout'], undefined, false]);
    await session.logout(); // nobody is logged in
    expect(calls).toEqual(['/v1/logout']);
  });
});

describe('a log-out that is still to be told', () => {
  test.each([[503, 'unavailable', true], [429, 'rate_limited', true], [401, 'unauthorized', false]])('and is answered %d %s stays so: %s', async (status, code, stays) => {
    const store = new SharedStore();
    store.setLeaving(true);
    answer = () => refused(status, code);
    start(undefined, store);
    await settle();
    expect([calls, store.leaving]).toEqual([['/v1/refresh/end'], stays]);
  });

  test('and cannot be told before the next log-in does not end that', async () => {
    const store = new SharedStore();
    store.setLeaving(true);
    const { session } = start(undefined, store);
    answer = (path) => (path === '/v1/refresh/end' ? refused(503, 'unavailable') : wire(grant('t')));
    await session.login('Ada', 'secret');
    expect([calls.at(-1), store.leaving, store.grant?.token]).toEqual(['/v1/login', false, 't']);
  });

  test('is told when the network is back', async () => {
    const store = new SharedStore();
    store.setLeaving(true);
    answer = () => refused(503, 'unavailable');
    start(undefined, store);
    await settle();
    answer = () => ({ body: {} });
    surroundings.set(true);
    await settle();
    expect(store.leaving).toBe(false);
  });
});

describe('a call', () => {
  test.each(['token_expired', 'unauthorized'])('that is refused as %s is made once more', async (code) => {
    const { session } = start(grant('old'));
    answer = () => wire(grant('new'));
    const tokens: string[] = [];
    const again = session.call((token) => {
      tokens.push(token);
      return Promise.reject(new HubbubError(code, 'no'));
    });
    await expect(again).rejects.toMatchObject({ code });
    expect(tokens).toEqual(['old', 'new']);
  });

  test('that is refused otherwise is not', async () => {
    const { session } = start(grant('old'));
    const tokens: string[] = [];
    const once = session.call((token) => {
      tokens.push(token);
      return Promise.reject(new HubbubError('forbidden', 'no'));
    });
    await expect(once).rejects.toMatchObject({ code: 'forbidden' });
    expect([tokens, calls]).toEqual([['old'], []]);
  });

  test('is made again with the token that was renewed meanwhile, and no newer one', async () => {
    const { session } = start(grant('old'));
    answer = () => wire(grant('new'));
    const tokens: string[] = [];
    await session.call(async (token) => {
      tokens.push(token);
      if (token !== 'old') return;
      await session.token(true);
      throw new HubbubError('token_expired', 'no');
    });
    expect([tokens, calls]).toEqual([['old', 'new'], ['/v1/refresh']]);
  });
});

describe('who is logged in', () => {
  test('is told when it is another, has another name, or is no guest any more', () => {
    const { store, users } = start(grant('t'));
    const as = (user: Partial<Grant['user']>) => store.save(grant('t', hour, { user: { id: 'ada', name: 'Ada', guest: false, ...user } }));
    as({});
    as({ name: 'Eve' });
    as({ name: 'Eve', guest: true });
    as({ name: 'Eve', guest: true, id: 'eve' });
    store.save(undefined);
    expect(users).toEqual(['Eve', 'Eve', 'Eve', undefined]);
  });

  test('keeps the attempt under way, when a guest registers', async () => {
    const { session, store } = start(grant('t', hour, { attempt: 'an-attempt-under-way' }));
    answer = () => ({ body: { token: 'new', expires_at: Date.now() + hour, user: { id: 'ada', name: 'Ada', guest: false } } });
    await session.keepAccount('Ada', 'secret');
    expect(store.grant).toMatchObject({ token: 'new', refreshToken: 'r-t', attempt: 'an-attempt-under-way' });
  });
});
