import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ConnectionState } from '../client/index.ts';
import { ConnectionBanner } from './connection-banner.svelte.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const connecting: ConnectionState = { kind: 'connecting' };
const waiting: ConnectionState = { kind: 'waiting', until: 0 };
const online: ConnectionState = { kind: 'online' };

test('the first connect is quiet', () => {
  const banner = new ConnectionBanner();
  banner.changed(connecting);
  vi.advanceTimersByTime(2_000);
  expect(banner.state).toBe('away');
  banner.changed(online);
  expect(banner.state).toBe('nothing');
});

test('a blink is not worth a word', () => {
  const banner = new ConnectionBanner();
  banner.changed(online);
  banner.changed(waiting);
  vi.advanceTimersByTime(300);
  banner.changed(connecting);
  banner.changed(online);
  vi.advanceTimersByTime(10_000);
  expect(banner.state).toBe('nothing');
});

test('a loss is told however often the state changes, and so is the return', () => {
  const banner = new ConnectionBanner();
  banner.changed(online);
  for (let i = 0; i < 5; i++) {
    banner.changed(waiting);
    vi.advanceTimersByTime(100);
    banner.changed(connecting);
    vi.advanceTimersByTime(100);
  }
  expect(banner.state).toBe('away');
  banner.changed(online);
  expect(banner.state).toBe('back');
  vi.advanceTimersByTime(3_000);
  expect(banner.state).toBe('nothing');
});

test.each<ConnectionState>([{ kind: 'offline' }, { kind: 'stopped', code: 4503, message: '' }])('%o is told at once', (state) => {
  const banner = new ConnectionBanner();
  banner.changed(online);
  banner.changed(state);
  expect(banner.state).toBe('away');
});
