import { afterEach, expect, test, vi } from 'vitest';
import { Drafts } from './drafts.svelte.ts';

afterEach(() => vi.unstubAllGlobals());

/** What the tabs of a browser share: the others are told of what one writes. */
function tabs() {
  const kept = new Map<string, string>();
  const told = new EventTarget();
  vi.stubGlobal('localStorage', {
    getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v), removeItem: (k: string) => kept.delete(k),
  });
  vi.stubGlobal('addEventListener', told.addEventListener.bind(told));
  vi.stubGlobal('removeEventListener', told.removeEventListener.bind(told));
  return { kept, tell: (key: string | null) => told.dispatchEvent(Object.assign(new Event('storage'), { key })) };
}

test('two tabs keep their drafts of different rooms, and see those of each other', () => {
  const { tell } = tabs();
  const changed = vi.fn();
  const [one, other] = [new Drafts('k', () => undefined), new Drafts('k', changed)];
  one.set('a', 'of one');
  expect(other.get('a')).toBe('');
  tell('another');
  expect(changed).not.toHaveBeenCalled();
  tell('k');
  expect(changed).toHaveBeenCalledOnce();
  expect(other.get('a')).toBe('of one');
  other.set('b', 'of the other');
  one.set('a', '');
  expect([one.get('a'), one.get('b'), new Drafts('k', () => undefined).get('b')]).toEqual(['', 'of the other', 'of the other']);
  other.close();
  tell('k');
  expect(changed).toHaveBeenCalledOnce();
});

test('a browser whose storage is cleared has no drafts', () => {
  const { kept, tell } = tabs();
  const drafts = new Drafts('k', () => undefined);
  drafts.set('a', 'text');
  kept.clear();
  tell(null);
  expect(drafts.get('a')).toBe('');
});

test('without storage drafts last as long as the page', () => {
  vi.stubGlobal('localStorage', undefined);
  const drafts = new Drafts('k', () => undefined);
  drafts.set('a', 'text');
  drafts.set('b', 'other');
  expect([drafts.get('a'), drafts.get('b'), new Drafts('k', () => undefined).get('a')]).toEqual(['text', 'other', '']);
});
