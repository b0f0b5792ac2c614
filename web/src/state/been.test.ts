import { afterEach, expect, test, vi } from 'vitest';
import { Been } from './been.ts';

afterEach(() => vi.unstubAllGlobals());

test('who has come in has been here, also after a reload', () => {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) });
  const been = new Been('k');
  expect(been.before).toBe(false);
  been.note();
  expect([been.before, new Been('k').before, new Been('other').before]).toEqual([true, true, false]);
});

test('without storage it lasts as long as the page', () => {
  vi.stubGlobal('localStorage', undefined);
  const been = new Been('k');
  expect(been.before).toBe(false);
  been.note();
  expect([been.before, new Been('k').before]).toEqual([true, false]);
});
