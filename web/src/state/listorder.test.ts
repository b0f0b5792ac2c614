import { afterEach, expect, test, vi } from 'vitest';
import { ListOrder } from './listorder.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function storage(): Map<string, string> {
  const stored = new Map<string, string>();
  vi.stubGlobal('localStorage', { getItem: (k: string) => stored.get(k) ?? null, setItem: (k: string, v: string) => stored.set(k, v) });
  return stored;
}

test('the order of the list is there again after a reload, and is written once in a while', () => {
  vi.useFakeTimers();
  const stored = storage();
  const order = new ListOrder('order');
  expect(order.place('a')).toBe(order.place('b'));
  order.note(['b', 'a']);
  order.note(['a', 'b']);
  expect(stored.size).toBe(0);
  vi.runAllTimers();
  const again = new ListOrder('order');
  expect(again.place('a')).toBeLessThan(again.place('b'));
  expect(again.place('c')).toBeGreaterThan(again.place('b'));
  order.note(['b', 'a']);
  order.close();
  const last = new ListOrder('order');
  expect(last.place('b')).toBeLessThan(last.place('a'));
});

test.each(['nonsense', '{}', '[1, null]'])('what is stored as %s is no order', (text) => {
  storage().set('order', text);
  const order = new ListOrder('order');
  expect(order.place('a')).toBe(order.place('b'));
});

test('without storage there is no order, and no fault', () => {
  const forbidden = () => {
    throw new Error('forbidden');
  };
  vi.stubGlobal('localStorage', { getItem: forbidden, setItem: forbidden });
  const order = new ListOrder('order');
  order.note(['a']);
  order.close();
  expect(order.place('a')).toBe(order.place('b'));
});
