import { expect, test } from 'vitest';
import { RateLimiter } from './rate-limiter.ts';

test('after a short burst, commands keep under the rate', () => {
  const pace = new RateLimiter(10, 0);
  const waits = Array.from({ length: 50 }, () => pace.reserve(1, 0));
  expect(waits[0]).toBe(0);
  expect(waits.filter((w) => w === 0).length).toBeLessThanOrEqual(40);
  expect(waits.at(-1)! - waits.at(-2)!).toBeGreaterThan(100);
});

test('a pause gives the burst back, and no more', () => {
  const pace = new RateLimiter(10, 0);
  for (let i = 0; i < 50; i++) pace.reserve(1, 0);
  expect(pace.reserve(1, 60_000)).toBe(0);
  expect(Array.from({ length: 50 }, () => pace.reserve(1, 60_000)).at(-1)).toBeGreaterThan(1_000);
});

test('without a rate there is no wait', () => {
  const pace = new RateLimiter(0, 0);
  for (let i = 0; i < 1_000; i++) expect(pace.reserve(2, 0)).toBe(0);
});
