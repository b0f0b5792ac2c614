import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Page } from '../client/index.ts';
import { Drafts } from './drafts.svelte.ts';
import { ListOrder } from './listorder.ts';
import { Paged } from './paged.svelte.ts';
import { parseInvitation, parseRoute, roomHash, serverHash } from './route.ts';
import { Task } from './task.svelte.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Storage that tabs share, and what they are told of it. */
function browser(): { kept: Map<string, string>; tell: (key: string | null) => void; writes: () => number } {
  const kept = new Map<string, string>();
  const told = new EventTarget();
  let writes = 0;
  vi.stubGlobal('localStorage', {
    getItem: (k: string) => kept.get(k) ?? null, removeItem: (k: string) => kept.delete(k),
    setItem: (k: string, v: string) => {
      writes++;
      kept.set(k, v);
    },
  });
  vi.stubGlobal('addEventListener', told.addEventListener.bind(told));
  vi.stubGlobal('removeEventListener', told.removeEventListener.bind(told));
  return { kept, writes: () => writes, tell: (key) => told.dispatchEvent(Object.assign(new Event('storage'), { key })) };
}

/** Questions, which the test answers in the order it likes. */
function questions<T>() {
  const asked: { cursor: string | undefined; give: (page: Page<T>) => void; fail: (err: Error) => void }[] = [];
  const load = (cursor?: string) => new Promise<Page<T>>((give, fail) => asked.push({ cursor, give, fail }));
  return { asked, load };
}
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('a list by pages', () => {
  test('goes on where it ended, and not beyond its end', async () => {
    const { asked, load } = questions<number>();
    const paged = new Paged(load);
    void paged.further(); // nothing has come yet
    expect(asked).toEqual([]);
    void paged.reload();
    expect(paged.loading).toBe(true);
    asked[0]!.give({ list: [1], next: 'a' });
    await settle();
    void paged.further();
    asked[1]!.give({ list: [2], next: undefined });
    await settle();
    await paged.further();
    expect([paged.list, paged.more, paged.loading, asked.map((a) => a.cursor)]).toEqual([[1, 2], false, false, [undefined, 'a']]);
  });

  test('of something else is empty until it comes, and what was asked before is not of it', async () => {
    const { asked, load } = questions<number>();
    const paged = new Paged(load);
    void paged.reload();
    asked[0]!.give({ list: [1], next: 'a' });
    await settle();
    void paged.further();
    const other = questions<number>();
    void paged.reload(other.load);
    expect([paged.list, paged.more]).toEqual([undefined, false]);
    asked[1]!.give({ list: [2], next: 'b' });
    await settle();
    expect([paged.list, paged.more, paged.loading]).toEqual([undefined, false, true]);
    other.asked[0]!.give({ list: [7], next: undefined });
    await settle();
    expect([paged.list, paged.more, paged.loading]).toEqual([[7], false, false]);
  });

  test('says what is wrong with the last question alone, until the next', async () => {
    const { asked, load } = questions<number>();
    const paged = new Paged(load);
    void paged.reload();
    void paged.reload();
    asked[0]!.fail(new Error('x'));
    await settle();
    expect([paged.problem, paged.loading]).toEqual([undefined, true]);
    asked[1]!.fail(new Error('x'));
    await settle();
    expect([typeof paged.problem, paged.loading]).toEqual(['string', false]);
    void paged.reload();
    expect(paged.problem).toBeUndefined();
  });
});

test('of two tasks the one that ends first does not end the other', async () => {
  const task = new Task();
  let end: () => void = () => undefined;
  let fail: (err: Error) => void = () => undefined;
  const first = task.run(() => new Promise<void>((resolve) => (end = resolve)), 'a');
  let twice = 0;
  await task.run(() => Promise.resolve(twice++), 'a');
  const second = task.run(() => new Promise<void>((_, reject) => (fail = reject)), 'b');
  end();
  await first;
  expect([task.at, task.busy, twice]).toEqual(['b', true, 0]);
  fail(new Error('x'));
  await second;
  expect([task.busy, typeof task.problem]).toEqual([false, 'string']);
  await task.run(() => Promise.resolve());
  expect(task.problem).toBeUndefined();
  const prevent = vi.fn();
  let sent = 0;
  task.form(() => Promise.resolve(sent++))({ preventDefault: prevent } as unknown as SubmitEvent);
  expect([prevent.mock.calls.length, sent]).toEqual([1, 1]);
});

describe('drafts', () => {
  test('of blanks are none, and none are left after a log-out', () => {
    const { kept } = browser();
    const drafts = new Drafts('k', () => undefined);
    drafts.set('a', 'text');
    drafts.set('a', '  \n');
    expect([drafts.get('a'), kept.get('k')]).toEqual(['', '{}']);
    drafts.set('b', 'text');
    drafts.clear();
    expect([drafts.get('b'), kept.has('k'), new Drafts('k', () => undefined).get('b')]).toEqual(['', false, '']);
  });

  test('of other tabs are told, and kept by what is written here, until the page is closed', () => {
    const { kept, tell } = browser();
    const changed = vi.fn();
    const drafts = new Drafts('k', changed);
    kept.set('k', '{"b":"theirs","c":7}');
    drafts.set('a', 'mine');
    expect(JSON.parse(kept.get('k')!)).toEqual({ a: 'mine', b: 'theirs' });
    kept.delete('k');
    tell(null); // all of the storage was cleared
    expect([drafts.get('a'), changed.mock.calls.length]).toEqual(['', 1]);
    drafts.close();
    tell('k');
    expect(changed.mock.calls.length).toBe(1);
  });
});

test('the order of the list is written when the page is left, and only where it is another', () => {
  vi.useFakeTimers();
  const { kept, writes } = browser();
  const order = new ListOrder('o');
  order.close();
  expect(writes()).toBe(0);
  order.note(Array.from({ length: 150 }, (_, i) => `r${i}`));
  vi.advanceTimersByTime(2_000);
  order.note(Array.from({ length: 150 }, (_, i) => `r${149 - i}`)); // which does not put it off
  vi.advanceTimersByTime(1_000);
  expect([writes(), (JSON.parse(kept.get('o')!) as string[]).length]).toEqual([1, 100]);
  order.note(Array.from({ length: 150 }, (_, i) => `r${149 - i}`));
  vi.advanceTimersByTime(3_000);
  expect(writes()).toBe(1);
  order.note(['a']);
  order.close();
  expect([writes(), kept.get('o')]).toEqual([2, '["a"]']);
  const again = new ListOrder('o');
  expect(again.place('unknown')).toBeGreaterThan(again.place('a'));
});

describe('addresses', () => {
  test.each([
    ['', { page: 'rooms' }], ['#/room/', { page: 'rooms' }], [`#/room/${'x'.repeat(65)}`, { page: 'rooms' }], ['#/room/a b', { page: 'rooms' }],
    ['#/server', { page: 'server', asked: {} }], ['#/server/people?q=a%20b', { page: 'server', section: 'people', asked: { q: 'a b' } }],
    ['#/server/nothing', { page: 'rooms' }], ['#/reset/abc', { page: 'reset', secret: 'abc' }], ['#/reset/', { page: 'rooms' }],
  ])('%s', (hash, route) => expect(parseRoute(hash)).toEqual(route));

  test('are read as they are written', () => {
    expect(parseRoute(roomHash('r-1'))).toEqual({ page: 'room', room: 'r-1' });
    expect(serverHash('audit', { actor: 'x&y', room: '', subject: undefined })).toBe('#/server/audit?actor=x%26y');
    expect(serverHash()).toBe('#/server');
    expect([parseInvitation('?invite=a.b'), parseInvitation('?invite='), parseInvitation('')]).toEqual(['a.b', undefined, undefined]);
  });
});
