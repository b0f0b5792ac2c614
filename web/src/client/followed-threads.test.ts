import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { entry } from '../../test/harness.ts';
import { HubbubError } from './errors.ts';
import { FollowedThreads } from './followed-threads.ts';
import type { LogEvent } from './protocol.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const thread = (id: string, more: object = {}) => ({ room: 'lobby', author: 'bo', id, read: 5, last: 10, last_ts: 1, unread: 2, ...more });
const answer = (seq: number, id: string, more: object = {}) => entry(seq, seq - 1, { id: `a${seq}`, user: 'cy', thread: { author: 'bo', id }, ...more }) as unknown as LogEvent;

/** What the server says, and what it was asked. */
function started(follows: object[] | Error = [], threads: object[] = []) {
  const asked: string[] = [];
  const request = async (method: string, path: string, body?: object) => {
    asked.push(`${method} ${path}${body ? ` ${JSON.stringify(body)}` : ''}`);
    if (path === '/v1/follows') {
      if (follows instanceof Error) throw follows;
      return { threads: follows };
    }
    if (path.startsWith('/v1/threads')) return { threads, next: 'x' };
    return path.endsWith('/follow') && method === 'GET' ? { following: true, read: 7 } : {};
  };
  const followed = new FollowedThreads({ request } as never, {
    me: 'ada', environment: { random: () => 0 } as never, ignored: () => new Set(['eve']), through: () => 20,
  });
  const now = () => followed.list.map((t) => `${t.root.id} ${t.unread}${t.more ? '+' : ''} ${t.last}`);
  return { followed, asked, now };
}

test('what an inbox says is new, and what is no thread is left out', () => {
  const { followed, now } = started();
  followed.take([thread('m1'), thread('m2', { unread: 99, more: true }), { room: 'lobby' }, 7, null], true);
  expect([now(), followed.more]).toEqual([['m1 2 10', 'm2 99+ 10'], true]);
  followed.take(undefined, undefined);
  expect([now(), followed.more]).toEqual([[], false]);
});

test('an answer that comes live counts where the thread is followed: that is asked for once', async () => {
  const { followed, asked, now } = started([{ ...thread('m1'), following: true }, { ...thread('m2'), following: false }]);
  followed.take([thread('m1')], false);
  followed.heard('lobby', answer(20, 'm1')); // counted by the inbox
  followed.heard('lobby', answer(21, 'm1', { user: 'eve' })); // hidden
  followed.heard('lobby', entry(22, 21) as unknown as LogEvent); // in no thread
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual([]);
  followed.heard('lobby', answer(23, 'm1'));
  followed.heard('lobby', answer(24, 'm2'));
  followed.heard('lobby', answer(25, 'm3'));
  await vi.advanceTimersByTimeAsync(5_000);
  followed.heard('lobby', answer(26, 'mine', { thread: { author: 'ada', id: 'mine' } })); // who sent the root follows it
  followed.heard('lobby', answer(26, 'mine', { thread: { author: 'ada', id: 'mine' } })); // again
  expect(asked).toEqual(['GET /v1/follows']);
  expect(now()).toEqual(['mine 1 26', 'm1 3 23']);
});

test('who answers has read the thread, and follows it unless they have chosen not to', async () => {
  const { followed, now } = started([{ ...thread('m2'), following: false }]);
  followed.take([thread('m1')], false);
  followed.heard('lobby', answer(21, 'm1', { user: 'ada' }));
  expect(now()).toEqual([]);
  followed.heard('lobby', answer(22, 'm9'));
  await vi.advanceTimersByTimeAsync(5_000);
  for (const id of ['m3', 'm2']) {
    followed.heard('lobby', answer(30, id, { user: 'ada' }));
    followed.heard('lobby', answer(31, id));
  }
  expect(now()).toEqual(['m3 1 31']);
});

test('reading, following and following no more are told to the server, and are so at once', async () => {
  const { followed, asked, now } = started([{ ...thread('m1'), following: true }]);
  followed.heard('lobby', answer(21, 'm1'));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(now()).toEqual(['m1 1 21']);
  const root = { user: 'bo', id: 'm1' };
  await followed.read('lobby', root, 20);
  expect(now()).toEqual(['m1 1 21']);
  await followed.read('lobby', root, 21);
  expect(now()).toEqual([]);
  followed.heard('lobby', answer(22, 'm1'));
  await followed.follow('lobby', root, false);
  followed.heard('lobby', answer(23, 'm1'));
  expect(now()).toEqual([]);
  await followed.follow('lobby', root, true);
  followed.heard('lobby', answer(24, 'm1'));
  expect(now()).toEqual(['m1 1 24']);
  expect(await followed.state('lobby', root)).toEqual({ following: true, read: 7 });
  expect(asked.slice(1)).toEqual([
    'POST /v1/rooms/lobby/threads/bo/m1/read {"seq":20}', 'POST /v1/rooms/lobby/threads/bo/m1/read {"seq":21}',
    'DELETE /v1/rooms/lobby/threads/bo/m1/follow', 'PUT /v1/rooms/lobby/threads/bo/m1/follow', 'GET /v1/rooms/lobby/threads/bo/m1/follow',
  ]);
});

test('what another device has read, and what was deleted, is asked for again, once for many reasons', async () => {
  const { followed, asked, now } = started([], [thread('m5')]);
  followed.heard('lobby', entry(21, 20, { type: 'deleted', target: 'a9', author: 'bo' }) as unknown as LogEvent); // nothing is new there
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual([]);
  followed.take([thread('m1')], false);
  followed.heard('lobby', entry(22, 21, { type: 'deleted', target: 'a9', author: 'bo' }) as unknown as LogEvent);
  followed.changed();
  followed.renewSoon();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual(['GET /v1/threads?unread=true&limit=50']);
  expect([now(), followed.more]).toEqual([['m5 2 10'], true]);
  followed.close();
});

test('which threads are followed is asked for again once another device has changed that', async () => {
  const follows = [{ ...thread('m1'), following: true }];
  const { followed, asked, now } = started(follows);
  followed.heard('lobby', answer(21, 'm1'));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(now()).toEqual(['m1 1 21']);
  follows[0] = { ...thread('m1'), following: false };
  followed.changed();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(now()).toEqual([]); // as the server says it
  followed.heard('lobby', answer(22, 'm1'));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(now()).toEqual([]);
  expect(asked.filter((a) => a === 'GET /v1/follows')).toHaveLength(2);
  followed.close();
});

test('a server that knows no followed threads is asked once, and one that is away again', async () => {
  const old = started(new HubbubError('not_found', 'no such route'));
  old.followed.heard('lobby', answer(21, 'm1'));
  await vi.advanceTimersByTimeAsync(60_000);
  old.followed.heard('lobby', answer(22, 'm1'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(old.asked).toEqual(['GET /v1/follows']);
  const away = started(new HubbubError('unavailable', 'away'));
  away.followed.heard('lobby', answer(21, 'm1'));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(away.asked.length).toBeGreaterThan(1);
  away.followed.close();
});
