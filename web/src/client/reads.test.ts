import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Reads } from './reads.ts';

let stored: Record<string, number>;
let told: [string, number][];
let reads: Reads;

beforeEach(() => {
  vi.useFakeTimers();
  stored = { lobby: 5 };
  told = [];
  reads = new Reads({ load: () => stored, save: (r) => (stored = r) }, (room, seq) => told.push([room, seq]));
});
afterEach(() => {
  reads.close();
  vi.useRealTimers();
});

test('readers who have not been heard of for long are let go', () => {
  reads.other('lobby', 'bo', 10);
  reads.other('lobby', 'cy', 10);
  for (let i = 0; i < 198; i++) reads.other('lobby', `u${i}`, 10);
  reads.other('lobby', 'bo', 11);
  reads.other('lobby', 'one-more', 10);
  expect(reads.readers('lobby', 10)).toHaveLength(200);
  expect(reads.readers('lobby', 10)).not.toContain('cy');
  expect(reads.readers('lobby', 11)).toEqual(['bo']);
});

test('a room that was left leaves nothing behind, and tells nothing more', () => {
  reads.other('lobby', 'bo', 10);
  reads.mark('lobby', 10);
  reads.mark('lobby', 20);
  expect(told).toEqual([['lobby', 10]]);
  reads.forget('lobby');
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual([['lobby', 10]]);
  expect(reads.mine('lobby')).toBeUndefined();
  expect(reads.readers('lobby', 1)).toEqual([]);
  expect(stored).toEqual({});
});
