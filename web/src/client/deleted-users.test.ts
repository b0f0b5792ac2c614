import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DeletedUsers } from './deleted-users.ts';
import type { Message } from './roomlog.ts';

const message = (user: string, name: string): Message => ({ room: 'lobby', id: `m-${user}`, seq: 1, user, name, ts: 1, text: 'x', reactions: {} });
const ann = message('ann', 'Ann');
const bob = message('bob', 'Bob');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function departed(gone: Set<string>) {
  const asked: string[][] = [];
  let fail = false;
  const changes: (readonly string[])[] = [];
  const d = new DeletedUsers(
    'me',
    (users) => {
      asked.push(users);
      return fail ? Promise.reject(new Error('away')) : Promise.resolve(users.filter((u) => gone.has(u)));
    },
    (users) => changes.push(users),
  );
  return { d, asked, changes, failing: (on: boolean) => (fail = on) };
}

test('whoever has deleted the account is called so, and the others as before', async () => {
  const { d, asked, changes } = departed(new Set(['bob']));
  const all = [ann, bob, ann];
  expect(d.withCurrentNames(all)).toBe(all); // as long as nothing is known
  await vi.advanceTimersByTimeAsync(100);
  expect([asked, changes]).toEqual([[['ann', 'bob']], [['bob']]]);
  const shown = d.withCurrentNames(all);
  expect(shown.map((m) => m.name)).toEqual(['Ann', 'Deleted account', 'Ann']);
  expect(d.withCurrentNames(all)[1]).toBe(shown[1]); // nothing is drawn anew
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(1);
});

test('whoever leaves is asked about again, and everybody after a time without a connection', async () => {
  const gone = new Set<string>();
  const { d, asked, changes } = departed(gone);
  d.withCurrentNames([ann, bob]);
  await vi.advanceTimersByTimeAsync(100);
  d.recheck('eve'); // of whom nothing is shown
  gone.add('ann');
  d.recheck('ann');
  await vi.advanceTimersByTimeAsync(100);
  expect([asked.at(-1), changes]).toEqual([['ann'], [['ann']]]);
  d.recheckAll();
  d.withCurrentNames([ann, bob]);
  await vi.advanceTimersByTimeAsync(100);
  expect(asked.at(-1)).toEqual(['bob']);
});

test('nobody is asked about whose answer is on its way, and not the user', async () => {
  const { d, asked } = departed(new Set());
  d.withCurrentNames([ann, bob, message('me', 'Me')]);
  d.recheckAll();
  d.withCurrentNames([ann, bob]);
  vi.advanceTimersByTime(60); // it is asked
  d.recheckAll();
  d.withCurrentNames([ann]);
  await vi.advanceTimersByTimeAsync(100);
  d.recheckAll();
  d.withCurrentNames([ann, message('me', 'Me')]);
  await vi.advanceTimersByTimeAsync(100);
  expect(asked).toEqual([['ann', 'bob'], ['ann']]);
});

test('what fails is asked again later, and few at a time', async () => {
  const { d, asked, failing } = departed(new Set());
  failing(true);
  d.withCurrentNames(Array.from({ length: 150 }, (_, i) => message(`u${i}`, 'x')));
  await vi.advanceTimersByTimeAsync(100);
  expect(asked.map((a) => a.length)).toEqual([100]);
  failing(false);
  await vi.advanceTimersByTimeAsync(16_000);
  expect(asked.map((a) => a.length)).toEqual([100, 100, 50]);
  expect(new Set(asked.slice(1).flat()).size).toBe(150);
  d.withCurrentNames([ann]);
  d.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(3);
});

test('that somebody is gone is told once, however often it is asked', async () => {
  const { d, asked, changes } = departed(new Set(['bob']));
  d.withCurrentNames([bob]);
  await vi.advanceTimersByTimeAsync(100);
  d.recheck('bob');
  await vi.advanceTimersByTimeAsync(100);
  expect([asked, changes]).toEqual([[['bob'], ['bob']], [['bob']]]);
});

test('who was to be asked about is forgotten with the client', async () => {
  const { d, asked } = departed(new Set());
  d.withCurrentNames([bob]);
  d.close();
  d.withCurrentNames([ann]);
  await vi.advanceTimersByTimeAsync(100);
  expect(asked).toEqual([['ann']]);
});
