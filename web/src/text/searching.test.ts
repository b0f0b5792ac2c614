import { expect, test } from 'vitest';
import { filtersOf, filterText, pieces, suggest, typing } from './searching.ts';

const marked = (text: string, ...highlights: [number, number][]) => pieces(text, highlights).map((p) => (p.hit ? `[${p.text}]` : p.text)).join('');

test('what matches is marked, in the right place also behind an emoji', () => {
  expect(marked('hello world', [0, 5])).toBe('[hello] world');
  expect(marked('👩‍💻 works', [6, 11])).toBe('👩‍💻 [works]');
  expect(marked('plain')).toBe('plain');
  expect(marked('a b c', [0, 1], [4, 5])).toBe('[a] b [c]');
});

test('of a long text the part around the first match is shown', () => {
  const text = `${'word '.repeat(100)}needle ${'tail '.repeat(100)}`;
  const shown = marked(text, [500, 506]);
  expect(shown).toMatch(/^… word.*\[needle\] tail.* …$/);
  expect(shown.length).toBeLessThan(300);
  expect(marked('😀'.repeat(300), [400, 402])).not.toContain('\ufffd');
  expect(marked(text, [500, 9_000])).toMatch(/\]( …)?$/);
});

test('a filter that is being typed is known', () => {
  expect(typing('hello from:@ad')).toEqual({ filter: 'from', value: 'ad', rest: 'hello' });
  expect(typing('in:"My r')).toEqual({ filter: 'in', value: 'My r', rest: '' });
  expect(typing('BEFORE:')).toEqual({ filter: 'before', value: '', rest: '' });
  expect(typing('from:ada hello')).toBeUndefined();
  expect(typing('inform:x')).toBeUndefined();
  expect(filterText('from', 'Ada (guest)')).toBe('from:"Ada (guest)"');
  expect(filterText('in', 'lobby')).toBe('in:lobby');
});

test('whole filters are taken out of a query', () => {
  expect(filtersOf('from:ada hello has:link ')).toEqual({ filters: ['from:ada', 'has:link'], rest: 'hello ' });
  expect(filtersOf('from:"Ada (guest)" -has:link x')).toEqual({ filters: ['from:"Ada (guest)"', '-has:link'], rest: 'x' });
  expect(filtersOf('hello  there from:ad')).toEqual({ filters: [], rest: 'hello  there from:ad' });
});

test('suggestions are found by parts of words and without accents', () => {
  const all = ['Lobby', 'les mêmes', 'İstanbul', 'memory'].map((name) => ({ name }));
  expect(suggest(all, 'mem', 5).map((s) => s.name)).toEqual(['memory', 'les mêmes']);
  expect(suggest(all, 'istan', 5).map((s) => s.name)).toEqual(['İstanbul']);
  expect(suggest(all, '', 2)).toHaveLength(2);
});
