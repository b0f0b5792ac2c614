import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Reads } from './reads.ts';

// Read positions by themselves: what the page shows, what is kept, and what the server is told.

let stored: Record<string, number>;
let told: string[];
let line: boolean;
let reads: Reads;
let changes: string[];

beforeEach(() => {
  vi.useFakeTimers();
  stored = {};
  told = [];
  changes = [];
  line = true;
  reads = new Reads({ load: () => ({}), save: (r) => (stored = r) }, (room, seq) => {
    if (line) told.push(`${room} ${seq}`);
    return line;
  });
  reads.on('change', (room) => changes.push(room));
});
afterEach(() => {
  reads.close();
  vi.useRealTimers();
});

describe('reading on', () => {
  test('is told at once, then once a second, the last place of each', () => {
    reads.mark('a', 10);
    reads.mark('a', 20);
    reads.mark('a', 30);
    reads.mark('b', 5);
    expect(told).toEqual(['a 10', 'b 5']);
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual(['a 10', 'b 5', 'a 30']);
    reads.mark('a', 40);
    expect(told).toEqual(['a 10', 'b 5', 'a 30', 'a 40']);
  });

  test('to where one was already is no news', () => {
    reads.mark('a', 10);
    vi.advanceTimersByTime(2_000);
    changes.length = 0;
    reads.mark('a', 10);
    reads.mark('a', 9);
    vi.advanceTimersByTime(2_000);
    expect([told, changes, reads.mine('a'), stored]).toEqual([['a 10'], [], 10, { a: 10 }]);
  });

  test('elsewhere is not told, and takes nothing back', () => {
    reads.mark('a', 10);
    reads.advanceFromServer('a', 30);
    reads.advanceFromServer('a', 20);
    vi.advanceTimersByTime(2_000);
    reads.resend('a');
    expect([told, reads.mine('a')]).toEqual([['a 10'], 30]);
    reads.connectionLost(); // which loses nothing that is known for certain
    reads.resend('a');
    expect(told).toEqual(['a 10']);
  });

  test('over a connection that is gone is told again on the next, and is told while there is none later', () => {
    reads.mark('a', 10);
    vi.advanceTimersByTime(2_000);
    reads.connectionLost();
    line = false;
    reads.mark('b', 7);
    vi.advanceTimersByTime(2_000);
    line = true;
    reads.resend('a');
    reads.resend('b');
    reads.resend('b');
    expect(told).toEqual(['a 10', 'a 10', 'b 7']);
  });

  test('is told when the page is closed, and then no more', () => {
    reads.mark('a', 10);
    reads.mark('a', 20);
    reads.close();
    expect(told).toEqual(['a 10', 'a 20']);
    vi.advanceTimersByTime(2_000);
    expect(told).toEqual(['a 10', 'a 20']);
  });
});

describe('what the server says', () => {
  test('counts, further or not, unless more was read here and is not told yet', () => {
    reads.replaceFromServer([{ room: 'a', read: 10 }]);
    expect([reads.mine('a'), stored]).toEqual([10, { a: 10 }]);
    reads.replaceFromServer([{ room: 'a', read: 5 }]); // taken back elsewhere
    expect(reads.mine('a')).toBe(5);
    line = false;
    reads.mark('a', 30);
    reads.replaceFromServer([{ room: 'a', read: 20 }]);
    expect(reads.mine('a')).toBe(30);
    line = true;
    vi.advanceTimersByTime(2_000);
    expect(told).toEqual(['a 30']);
  });

  test('of a room that nothing was known of counts, whatever this page has kept', () => {
    const kept = new Reads({ load: () => ({ a: 50 }), save: (r) => (stored = r) }, () => true);
    kept.replaceFromServer([{ room: 'a', read: 20 }]);
    expect([kept.mine('a'), stored]).toEqual([20, { a: 20 }]);
  });

  test('that is what is here already is no news', () => {
    reads.replaceFromServer([{ room: 'a', read: 10 }]);
    changes.length = 0;
    reads.replaceFromServer([{ room: 'a', read: 10 }]);
    expect(changes).toEqual([]);
    reads.replaceFromServer([{ room: 'b', read: 0 }]); // nothing read, which is known now
    expect([changes, reads.mine('b')]).toEqual([['b'], 0]);
  });

  test('of many rooms is kept at once', () => {
    let saves = 0;
    const many = new Reads({ load: () => ({}), save: (r) => (saves++, (stored = r)) }, () => true);
    const rooms = Array.from({ length: 500 }, (_, i) => ({ room: `r${i}`, read: i }));
    many.replaceFromServer(rooms);
    expect([saves, Object.keys(stored).length, many.mine('r7')]).toEqual([1, 500, 7]);
    many.replaceFromServer(rooms);
    expect(saves).toBe(1);
  });

  test('is not told back to it', () => {
    reads.replaceFromServer([{ room: 'a', read: 10 }]);
    reads.resend('a');
    vi.advanceTimersByTime(2_000);
    expect(told).toEqual([]);
  });
});

test('what is taken back is not told, nor anything that waited', () => {
  reads.mark('a', 10);
  reads.mark('a', 20);
  reads.markUnread('a', 5);
  expect([told, reads.mine('a'), stored]).toEqual([['a 10'], 5, { a: 5 }]);
  reads.mark('a', 6); // which is told at once: nothing was told since it was taken back
  expect(told).toEqual(['a 10', 'a 6']);
  reads.markUnread('a', 3);
  vi.advanceTimersByTime(2_000);
  reads.resend('a');
  expect(told).toEqual(['a 10', 'a 6']);
});

test('a room that was left is forgotten, and joined again begins anew', () => {
  reads.mark('a', 10);
  reads.setReader('a', 'bo', 10);
  vi.advanceTimersByTime(2_000);
  reads.forget('a');
  expect([reads.mine('a'), stored, reads.readers('a', 1)]).toEqual([undefined, {}, []]);
  reads.mark('a', 5);
  expect(told).toEqual(['a 10', 'a 5']);
});

test('others have read what they have, the furthest counts, and it is told once', () => {
  reads.setReader('a', 'bo', 20);
  reads.setReader('a', 'cy', 10);
  changes.length = 0;
  reads.setReader('a', 'bo', 15);
  reads.setReader('a', 'bo', 20);
  expect(changes).toEqual([]);
  expect([reads.readers('a', 20), reads.readers('a', 10), reads.readers('a', 21)]).toEqual([['bo'], ['bo', 'cy'], []]);
});
