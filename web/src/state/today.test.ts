import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dayName } from '../text/time.svelte.ts';
import { Today } from './today.svelte.ts';

let today: Today;
const doc = new EventTarget();
const evening = new Date(2026, 2, 3, 23, 59, 30).getTime();

beforeEach(() => {
  vi.useFakeTimers({ now: evening });
  vi.stubGlobal('document', doc);
  today = new Today();
});
afterEach(() => {
  today.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('today becomes yesterday at midnight, and the day after what it is called', () => {
  expect(dayName(evening, today.at)).toBe('Today');
  vi.advanceTimersByTime(29_999);
  expect(dayName(evening, today.at)).toBe('Today');
  vi.advanceTimersByTime(1);
  expect(dayName(evening, today.at)).toBe('Yesterday');
  vi.advanceTimersByTime(86_400_000);
  expect(dayName(evening, today.at)).not.toBe('Yesterday');
});

test('after a sleep over midnight the day is another as soon as somebody looks', () => {
  vi.setSystemTime(evening + 8 * 3_600_000); // no timer has run meanwhile
  doc.dispatchEvent(new Event('visibilitychange'));
  expect(dayName(evening, today.at)).toBe('Yesterday');
});

test('after a sleep with the page in view it takes a minute at most', () => {
  vi.setSystemTime(evening + 8 * 3_600_000);
  vi.advanceTimersByTime(60_000);
  expect(dayName(evening, today.at)).toBe('Yesterday');
});
