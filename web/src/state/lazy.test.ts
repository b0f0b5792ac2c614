import { expect, test } from 'vitest';
import { Lazy } from './lazy.svelte.ts';

test('code is loaded once, when it is wanted first', async () => {
  let loads = 0;
  const lazy = new Lazy(() => Promise.resolve(`code ${++loads}`));
  expect(loads).toBe(0);
  expect(lazy.now).toBeUndefined();
  expect(await lazy.load()).toBe('code 1');
  expect([lazy.now, await lazy.load(), loads]).toEqual(['code 1', 'code 1', 1]);
});

test('what could not be loaded is loaded when it is wanted again', async () => {
  let works = false;
  const lazy = new Lazy(() => (works ? Promise.resolve('code') : Promise.reject(new Error('no network'))));
  expect(lazy.now).toBeUndefined(); // which tells nobody of the failure
  await expect(lazy.load()).rejects.toThrow('no network');
  works = true;
  expect(await lazy.load()).toBe('code');
  expect(lazy.now).toBe('code');
});
