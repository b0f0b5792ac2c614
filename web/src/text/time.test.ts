import { expect, test } from 'vitest';
import { dayName, lastSeen, narrowTime, shortTime, timeOf } from './time.svelte.ts';

const now = new Date(2026, 4, 3, 9, 0).getTime();
const at = (...d: [number, number, number, number]) => new Date(...d).getTime();

test('days by name', () => {
  expect(dayName(at(2026, 4, 3, 0), now)).toBe('Today');
  expect(dayName(at(2026, 4, 2, 23), now)).toBe('Yesterday');
  expect(dayName(at(2024, 4, 2, 23), now)).toContain('2024');
});

test('short times', () => {
  expect(shortTime(at(2026, 4, 3, 8), now)).toBe(timeOf(at(2026, 4, 3, 8)));
  expect(shortTime(at(2026, 4, 2, 23), now)).toBe('Yesterday');
  expect(shortTime(at(2026, 3, 30, 23), now)).toBe(new Intl.DateTimeFormat(undefined, { weekday: 'long' }).format(at(2026, 3, 30, 23)));
});

test('when somebody was last seen', () => {
  const today = at(2026, 4, 3, 8);
  expect(lastSeen(today, now)).toBe(`last seen at ${timeOf(today)}`);
  expect(lastSeen(at(2026, 4, 2, 23), now)).toBe('last seen yesterday');
  const monday = at(2026, 3, 30, 23);
  expect(lastSeen(monday, now)).toBe(`last seen on ${new Intl.DateTimeFormat(undefined, { weekday: 'long' }).format(monday)}`);
  expect(lastSeen(at(2026, 3, 3, 9), now)).not.toContain('2026');
  expect(lastSeen(at(2024, 3, 3, 9), now)).toContain('2024');
});

test('where there is little space, a time is digits alone', () => {
  for (const hour of [0, 9, 13]) {
    const ts = new Date(2026, 4, 3, hour, 7).getTime();
    expect(narrowTime(ts)).toMatch(/^\d{1,2}\D07$/);
    expect(timeOf(ts)).toContain(narrowTime(ts));
  }
});
