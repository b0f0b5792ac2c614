import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { People } from './people.ts';
import { fromStart } from './protocol.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const person = (user: string, status: 'online' | 'offline' = 'online') => ({ user, name: user, status });
const who = (users: string[], count: number, next?: string) => ({
  type: 'who' as const, room: 'hall', count, users: users.map((u) => person(u)), going: [], going_ms: 0, ...(next !== undefined && { next }),
});
const number = (count: number) => ({ type: 'presence' as const, room: 'hall', count, users: [] });

test('of very many only the number is told, until somebody asks for the list, which is renewed when it is old', () => {
  const people = new People();
  people.applyList(who([], 5_000, fromStart), undefined, 0);
  expect(people.online('hall')).toEqual({ known: true, count: 5_000, people: [], next: fromStart });
  expect(people.complete('hall')).toBe(false);
  expect(people.applyPresence(number(5_001), 1_000)).toBeUndefined();
  expect(people.online('hall')).toMatchObject({ count: 5_001, people: [], next: fromStart });

  people.applyList(who(['ada', 'bo'], 5_001, 'c'), fromStart, 10_000);
  people.applyList(who(['cy'], 5_001, 'd'), 'c', 11_000);
  expect(people.online('hall').people.map((p) => p.user)).toEqual(['ada', 'bo', 'cy']);
  expect(people.applyPresence(number(5_002), 40_000)).toBeUndefined();
  expect(people.online('hall')).toMatchObject({ count: 5_002, next: 'd' });
  expect(people.online('hall').people).toHaveLength(3);
  expect(people.applyPresence(number(5_003), 40_001)).toEqual({ from: fromStart });
  people.applyList(who(['eve'], 5_003, 'f'), fromStart, 41_000); // which begins anew
  expect(people.online('hall').people.map((p) => p.user)).toEqual(['eve']);
  expect(people.applyPresence(number(5_004), 60_000)).toBeUndefined();

  // Fewer by now: changes add up to a list again, which has to be asked for.
  expect(people.applyPresence({ type: 'presence', room: 'hall', count: 20, users: [person('ada')] }, 70_000)).toEqual({ from: undefined });
  people.applyList(who(['ada', 'bo'], 2), undefined, 70_000);
  expect(people.online('hall')).toMatchObject({ count: 2, next: undefined });
  expect(people.complete('hall')).toBe(true);
});

test('who had just left is shown again after the time that the server names, and not before', () => {
  const people = new People();
  people.applyList({ ...who(['ada'], 1), going: [person('bo')], going_ms: 5_000 }, undefined, 0);
  vi.advanceTimersByTime(6_999);
  expect(people.online('hall').people.map((p) => p.user)).toEqual(['ada']);
  vi.advanceTimersByTime(1);
  expect(people.online('hall').people.map((p) => p.user)).toEqual(['ada', 'bo']);
});

test('who went while a room was asked about does not come back with the answer', () => {
  const people = new People();
  people.asked('hall');
  people.applyPresence({ type: 'presence', room: 'hall', count: 1, users: [person('bo', 'offline')] }, 0);
  people.applyList({ ...who(['ada'], 1), going: [person('bo')], going_ms: 0 }, undefined, 0);
  vi.advanceTimersByTime(60_000);
  expect(people.online('hall').people.map((p) => p.user)).toEqual(['ada']);
});

test('a list that was let go is not old when the room is watched again', () => {
  const people = new People();
  people.applyList(who(['ada'], 1), undefined, 0);
  people.unwatched('hall');
  // Somebody has come before the answer: the list of before says nothing about it.
  expect(people.applyPresence({ type: 'presence', room: 'hall', count: 3, users: [person('bo')] }, 100_000)).toBeUndefined();
});

test('the status of somebody is known while the room is watched', () => {
  const people = new People();
  const told: string[] = [];
  people.on('online', (room) => told.push(room));
  expect(people.status('hall', 'ada')).toBeUndefined();
  people.applyList(who(['ada'], 1), undefined, 0);
  expect([people.status('hall', 'ada'), people.status('hall', 'bo')]).toEqual(['online', 'offline']);
  people.unwatched('hall');
  people.unwatched('hall');
  expect(people.status('hall', 'ada')).toBeUndefined();
  expect(told).toEqual(['hall', 'hall']);
});

test('typing counts for 5 s after it was last told, and ends with the connection', () => {
  const people = new People();
  const told: string[] = [];
  people.on('typing', (room) => told.push(room));
  people.startTyping('hall', 'ada', 'Ada');
  vi.advanceTimersByTime(3_000);
  people.startTyping('hall', 'ada', '');
  vi.advanceTimersByTime(4_999);
  expect(people.typing('hall')).toEqual(['Ada']);
  vi.advanceTimersByTime(1);
  expect(people.typing('hall')).toEqual([]);
  expect(told).toHaveLength(3);
  people.startTyping('hall', 'ada', 'Ada');
  people.startTyping('hall', 'bo', 'Bo');
  people.connectionLost();
  expect(people.typing('hall')).toEqual([]);
  expect(told).toHaveLength(7);
  people.stopTyping('hall', 'ada');
  expect(told).toHaveLength(7);
});
