import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ConnectionState } from '../client/index.ts';
import { Link } from './link.svelte.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const connecting: ConnectionState = { kind: 'connecting' };
const waiting: ConnectionState = { kind: 'waiting', until: 0 };
const online: ConnectionState = { kind: 'online' };

test('the first connect is quiet', () => {
  const link = new Link();
  link.changed(connecting);
  vi.advanceTimersByTime(2_000);
  expect(link.bannerState).toBe('away');
  link.changed(online);
  expect(link.bannerState).toBe('nothing');
});

test('a blink is not worth a word', () => {
  const link = new Link();
  link.changed(online);
  link.changed(waiting);
  vi.advanceTimersByTime(300);
  link.changed(connecting);
  link.changed(online);
  vi.advanceTimersByTime(10_000);
  expect(link.bannerState).toBe('nothing');
});

test('a loss is told however often the state changes, and so is the return', () => {
  const link = new Link();
  link.changed(online);
  for (let i = 0; i < 5; i++) {
    link.changed(waiting);
    vi.advanceTimersByTime(100);
    link.changed(connecting);
    vi.advanceTimersByTime(100);
  }
  expect(link.bannerState).toBe('away');
  link.changed(online);
  expect(link.bannerState).toBe('back');
  vi.advanceTimersByTime(3_000);
  expect(link.bannerState).toBe('nothing');
});

test.each<ConnectionState>([{ kind: 'offline' }, { kind: 'stopped', code: 4503, message: '' }])('%o is told at once', (state) => {
  const link = new Link();
  link.changed(online);
  link.changed(state);
  expect(link.bannerState).toBe('away');
});
