import { expect, test } from 'vitest';
import { HubbubError, type Page } from '../client/index.ts';
import { Paged } from './paged.svelte.ts';

test('pages follow each other', async () => {
  const pages: Record<string, Page<number>> = { '': { list: [1, 2], next: 'b' }, b: { list: [3] } };
  const paged = new Paged((cursor = '') => Promise.resolve(pages[cursor]!));
  expect(paged.list).toBeUndefined();
  await paged.reload();
  expect([paged.list, paged.more, paged.loading]).toEqual([[1, 2], true, false]);
  await paged.further();
  expect([paged.list, paged.more]).toEqual([[1, 2, 3], false]);
  await paged.further();
  expect(paged.list).toEqual([1, 2, 3]);
  await paged.reload();
  expect([paged.list, paged.more]).toEqual([[1, 2], true]);
});

test('an answer to an earlier question is not shown', async () => {
  let late: ((page: Page<string>) => void) | undefined;
  const paged = new Paged<string>(() => new Promise((resolve) => (late = resolve)));
  const before = paged.reload();
  const earlier = late!;
  await paged.reload(() => Promise.resolve({ list: ['new'] }));
  earlier({ list: ['old'], next: 'x' });
  await before;
  expect([paged.list, paged.more, paged.loading]).toEqual([['new'], false, false]);
});

test('what went wrong is said, and what is there stays', async () => {
  let fail = false;
  const paged = new Paged(() => (fail ? Promise.reject(new HubbubError('forbidden', 'only who runs this server may do that')) : Promise.resolve({ list: [1] })));
  await paged.reload();
  fail = true;
  await paged.reload();
  expect([paged.list, paged.problem]).toEqual([[1], 'Only who runs this server may do that.']);
  fail = false;
  await paged.reload();
  expect(paged.problem).toBeUndefined();
});

test('the question that failed is asked again, and not another', async () => {
  let fail = false;
  const asked: (string | undefined)[] = [];
  const paged = new Paged((cursor?: string) => {
    asked.push(cursor);
    return fail ? Promise.reject(new HubbubError('unavailable', 'later', 0)) : Promise.resolve(cursor ? { list: [2] } : { list: [1], next: 'b' });
  });
  await paged.reload();
  fail = true;
  await paged.further();
  expect([paged.list, paged.problem !== undefined]).toEqual([[1], true]);
  fail = false;
  await paged.retry();
  expect([paged.list, paged.problem, paged.more]).toEqual([[1, 2], undefined, false]);
  fail = true;
  await paged.reload();
  fail = false;
  await paged.retry();
  expect([paged.list, paged.more]).toEqual([[1], true]);
  expect(asked).toEqual([undefined, 'b', 'b', undefined, undefined]);
});
