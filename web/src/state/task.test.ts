import { expect, test } from 'vitest';
import { HubbubError } from '../client/index.ts';
import { Task } from './task.svelte.ts';

test('what is under way does not begin again, and ends for itself', async () => {
  const task = new Task();
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const work = (at: string) => task.run(() => (begun.push(at), new Promise<void>((end) => ends.push(end))), at);
  const a = work('a');
  await work('a');
  expect([task.at, begun]).toEqual(['a', ['a']]);
  const b = work('b');
  ends[0]!();
  await a;
  expect([task.at, begun]).toEqual(['b', ['a', 'b']]);
  ends[1]!();
  await b;
  expect(task.busy).toBe(false);
});

test('what went wrong is said until something else begins', async () => {
  const task = new Task();
  await task.run(() => Promise.reject(new HubbubError('forbidden', 'you may not do that')));
  expect([task.busy, task.problem]).toEqual([false, 'You may not do that.']);
  await task.run(() => Promise.resolve());
  expect(task.problem).toBeUndefined();
});
