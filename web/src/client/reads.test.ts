import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Reads } from './reads.ts';

let stored: Record<string, number>;
let told: [string, number][];
let reads: Reads;
let line: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  stored = { lobby: 5 };
  told = [];
  line = true;
  reads = new Reads({ load: () => stored, save: (r) => (stored = r) }, (room, seq) => {
    if (line) told.push([room, seq]);
    return line;
  });
});
afterEach(() => {
  reads.close();
  vi.useRealTimers();
});

test('readers who have not been heard of for long are let go', () => {
  reads.setReader('lobby', 'bo', 10);
  reads.setReader('lobby', 'cy', 10);
  for (let i = 0; i < 198; i++) reads.setReader('lobby', `u${i}`, 10);
  reads.setReader('lobby', 'bo', 11);
  reads.setReader('lobby', 'one-more', 10);
  expect(reads.readers('lobby', 10)).toHaveLength(200);
  expect(reads.readers('lobby', 10)).not.toContain('cy');
  expect(reads.readers('lobby', 11)).toEqual(['bo']);
});

test('a room that was left leaves nothing behind, and tells nothing more', () => {
  reads.setReader('lobby', 'bo', 10);
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

test('what could not be told is told when the room is live again', () => {
  line = false;
  reads.mark('lobby', 10);
  vi.advanceTimersByTime(5_000);
  line = true;
  reads.resend('lobby');
  reads.resend('lobby');
  expect(told).toEqual([['lobby', 10]]);
});

test('what was told over a line that broke is told again, unless the server has it', () => {
  reads.mark('lobby', 10);
  reads.mark('den', 20);
  vi.advanceTimersByTime(5_000);
  reads.connectionLost();
  reads.advanceFromServer('den', 20);
  reads.resend('lobby');
  reads.resend('den');
  expect(told).toEqual([['lobby', 10], ['den', 20], ['lobby', 10]]);
});

test('closing tells what waits', () => {
  reads.mark('lobby', 10);
  reads.mark('lobby', 20);
  reads.close();
  expect(told).toEqual([['lobby', 10], ['lobby', 20]]);
});
