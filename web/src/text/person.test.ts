import { expect, test } from 'vitest';
import { colour, initials, listNames } from './person.ts';

test.each([['Ada', 'A'], ['ada lovelace', 'AL'], ['  bo-the-builder ', 'BB'], ['', '?'], ['Ada (guest)', 'A'], ['😀 x', '😀X']])('initials of %j', (name, want) => {
  expect(initials(name)).toBe(want);
});

test.each<[string[], string]>([
  [[], ''], [['A'], 'A'], [['A', 'B'], 'A and B'], [['A', 'B', 'C'], 'A, B and C'], [['A', 'B', 'C', 'D'], 'A, B, C and 1 other'],
])('a list of %j', (names, want) => {
  expect(listNames(names)).toBe(want);
});

test('a colour is stable and in range', () => {
  for (const id of ['a', 'b', 'c']) {
    expect(colour(id, 8)).toBe(colour(id, 8));
    expect(colour(id, 8)).toBeLessThan(8);
  }
});
