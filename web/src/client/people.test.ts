import { afterEach, expect, test, vi } from 'vitest';
import { People } from './people.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('who had just left when the room was asked about is here again, unless it is told that they are gone', () => {
  vi.useFakeTimers();
  const people = new People();
  const person = (user: string, status: 'online' | 'dnd' | 'offline' = 'online') => ({ user, name: user, status });
  const listed = () => people.online('lobby').people.map((p) => `${p.user} ${p.status}`);
  people.applyList({
    type: 'who', room: 'lobby', count: 1, users: [person('ada')], going: [person('bo', 'dnd'), person('cy'), person('dan')], going_ms: 5_000,
  }, undefined, 0);
  // The number that is told counts them.
  people.applyPresence({ type: 'presence', room: 'lobby', count: 5, users: [person('eve')] }, 0);
  expect(people.online('lobby')).toMatchObject({ count: 2, next: undefined });
  people.applyPresence({ type: 'presence', room: 'lobby', count: 4, users: [person('cy', 'offline')] }, 0);
  people.applyPresence({ type: 'presence', room: 'lobby', count: 4, users: [person('dan', 'dnd')] }, 0);
  expect(listed()).toEqual(['ada online', 'dan dnd', 'eve online']);
  vi.advanceTimersByTime(8_000);
  expect(listed()).toEqual(['ada online', 'bo dnd', 'dan dnd', 'eve online']);
  expect(people.online('lobby').count).toBe(4);
  // The connection is gone, and with it what would have been told.
  people.applyList({ type: 'who', room: 'lobby', count: 1, users: [person('ada')], going: [person('bo')], going_ms: 5_000 }, undefined, 0);
  people.connectionLost();
  vi.advanceTimersByTime(8_000);
  expect(listed()).toEqual(['ada online']);
});

test('an answer does not undo what was told since the question', () => {
  const people = new People();
  const person = (user: string, status: 'online' | 'offline' = 'online') => ({ user, name: user, status });
  people.asked('lobby');
  people.applyPresence({ type: 'presence', room: 'lobby', count: 2, users: [person('bo'), person('cy', 'offline')] }, 0);
  people.applyList({ type: 'who', room: 'lobby', count: 2, users: [person('ada'), person('cy')], going: [person('bo')], going_ms: 5_000 }, undefined, 0);
  expect(people.online('lobby').people.map((p) => p.user)).toEqual(['ada', 'bo']);
  people.applyList({ type: 'who', room: 'lobby', count: 1, users: [person('ada')] }, undefined, 0); // without a question: as it is
  expect(people.online('lobby').people.map((p) => p.user)).toEqual(['ada']);
});

test('a list that differs from the number that is told is asked for anew, but not one that is new', () => {
  const people = new People();
  const person = (user: string) => ({ user, name: user, status: 'online' as const });
  people.applyList({ type: 'who', room: 'lobby', count: 1, users: [person('ada')] }, undefined, 0);
  expect(people.applyPresence({ type: 'presence', room: 'lobby', count: 3, users: [person('bo')] }, 5_000)).toBeUndefined();
  expect(people.applyPresence({ type: 'presence', room: 'lobby', count: 3, users: [person('cy')] }, 20_000)).toBeUndefined();
  expect(people.applyPresence({ type: 'presence', room: 'lobby', count: 5, users: [person('dan')] }, 20_000)).toEqual({ from: undefined });
});

test('names of those who have not been heard of for long are let go', () => {
  const people = new People();
  people.setName('ada', 'Ada');
  people.setName('bo', 'Bo');
  for (let i = 0; i < 4_998; i++) people.setName(`u${i}`, `User ${i}`);
  people.setName('ada', 'Ada L');
  people.setName('one-more', 'One more');
  expect(people.name('bo')).toBeUndefined();
  expect(people.name('ada')).toBe('Ada L');
  expect(people.name('u0')).toBe('User 0');
});

test('who is ignored is not seen to type', () => {
  const people = new People();
  people.startTyping('lobby', 'u1', 'Ada');
  people.startTyping('lobby', 'u2', 'Bo');
  expect(people.typing('lobby')).toEqual(['Ada', 'Bo']);
  expect(people.typing('lobby', new Set(['u1']))).toEqual(['Bo']);
  people.stopTyping('lobby', 'u1');
  people.stopTyping('lobby', 'u2');
});
