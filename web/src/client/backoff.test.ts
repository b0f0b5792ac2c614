import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { delay } from './backoff.ts';
import { ConnectionLost, HubbubError } from './errors.ts';
import { requestWithRetry } from './request-with-retry.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the wait doubles up to the maximum, and half of it is random', () => {
  const waits = (random: number) => [0, 1, 2, 5, 6, 7, 1_000].map((attempt) => delay({ min: 500, max: 30_000 }, attempt, () => random));
  expect(waits(0)).toEqual([250, 500, 1_000, 8_000, 15_000, 15_000, 15_000]);
  expect(waits(1)).toEqual([500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000]);
});

test('a command is asked for once more where a short wait helps, and else fails as it did', async () => {
  const command = { type: 'pin', room: 'r', msg_id: 'm', target: 't', author: 'u', on: true } as const;
  const asked: unknown[] = [];
  const connection = (...failures: Error[]) => ({
    request: async (c: unknown) => {
      asked.push(c);
      const failure = failures.shift();
      if (failure) throw failure;
      return { type: 'ack' } as never;
    },
  });
  const busy = new HubbubError('unavailable', 'busy', 3_000);
  const reply = requestWithRetry(connection(busy), command);
  await vi.advanceTimersByTimeAsync(2_999);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  await expect(reply).resolves.toEqual({ type: 'ack' });
  expect(asked).toEqual([command, command]);

  for (const failure of [new HubbubError('unavailable', 'later', 3_001), new HubbubError('forbidden', 'no'), new ConnectionLost()]) {
    asked.length = 0;
    await expect(requestWithRetry(connection(failure), command)).rejects.toBe(failure);
    expect(asked).toHaveLength(1);
  }
  const twice = requestWithRetry(connection(busy, new HubbubError('unavailable', 'again', 1)), command);
  const failed = expect(twice).rejects.toThrow('again');
  await vi.advanceTimersByTimeAsync(10_000);
  await failed;
});
