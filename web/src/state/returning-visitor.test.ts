import { afterEach, expect, test, vi } from 'vitest';
import { ReturningVisitor } from './returning-visitor.ts';

afterEach(() => vi.unstubAllGlobals());

test('who has come in has been here, also after a reload', () => {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) });
  const visitor = new ReturningVisitor('k');
  expect(visitor.returning).toBe(false);
  visitor.remember();
  expect([visitor.returning, new ReturningVisitor('k').returning, new ReturningVisitor('other').returning]).toEqual([true, true, false]);
});

test('without storage it lasts as long as the page', () => {
  vi.stubGlobal('localStorage', undefined);
  const visitor = new ReturningVisitor('k');
  expect(visitor.returning).toBe(false);
  visitor.remember();
  expect([visitor.returning, new ReturningVisitor('k').returning]).toEqual([true, false]);
});
