import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Client } from '../client/index.ts';
import { OwnEmoji } from './own-emoji.svelte.ts';

let asked = 0;
let answer: () => Promise<unknown>;
const client = {
  directory: {
    request: (method: string, path: string) => {
      expect([method, path]).toEqual(['GET', '/v1/emoji']);
      asked++;
      return answer();
    },
    address: (path: string) => `https://chat.example/base${path}`,
  },
} as unknown as Client;

beforeEach(() => {
  vi.useFakeTimers();
  asked = 0;
  answer = () => Promise.resolve({ emoji: [{ name: 'cat', image: '/v1/emoji/images/aa' }, { name: 'party', image: '/v1/emoji/images/bb' }] });
});
afterEach(() => void vi.useRealTimers());

test('the list is asked for when something looks like one, and not before', async () => {
  const own = new OwnEmoji(client);
  for (const text of ['👍', 'party', ':party', ':Party:', ':p:', ':par ty:', `:${'x'.repeat(33)}:`]) expect(own.image(text)).toBeUndefined();
  expect(asked).toBe(0);
  expect(own.image(':party:')).toBeUndefined();
  expect(own.image(':cat:')).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect(asked).toBe(1);
  expect(own.image(':party:')).toBe('https://chat.example/base/v1/emoji/images/bb');
  expect(own.names).toEqual(['cat', 'party']);
  expect([own.complete('pa'), own.complete('C'), own.complete('x')]).toEqual([[':party:'], [':cat:'], []]);
});

test('an unknown name asks again, at most once a minute', async () => {
  const own = new OwnEmoji(client);
  expect(own.names).toEqual([]);
  await vi.advanceTimersByTimeAsync(59_000);
  own.image(':new:');
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  own.image(':party:'); // is known
  expect(asked).toBe(1);
  own.image(':new:');
  own.image(':new:');
  expect(asked).toBe(2);
});

test('without an answer texts stay texts, and what is known stays known', async () => {
  const own = new OwnEmoji(client);
  answer = () => Promise.reject(new Error('away'));
  own.image(':party:');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(own.image(':party:')).toBeUndefined();
  answer = () => Promise.resolve({});
  await own.reload();
  expect(own.names).toEqual([]);
});
