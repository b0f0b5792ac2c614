import { describe, expect, test } from 'vitest';
import { isolate } from './bidi.ts';
import { linkify } from './linkify.ts';
import { personKey, searchKey } from './name.ts';
import { initials, listNames } from './person.ts';
import { Heights } from './rowwindow.ts';
import { slashSuggestions } from './slash.ts';
import { dayName, lastSeen, sameDay, shortTime } from './time.svelte.ts';

describe('heights of rows', () => {
  test('are the average of their kind, by what each measured last', () => {
    const heights = new Heights();
    heights.measured('a', 'text', 10);
    heights.measured('b', 'text', 30);
    heights.measured('a', 'text', 50);
    expect([heights.of('a', 'text'), heights.of('c', 'text'), heights.of('c', 'picture')]).toEqual([50, 40, 40]);
    heights.measured('b', 'text', 10);
    expect(heights.of('c', 'text')).toBe(30);
  });

  test('are forgotten with the width they had', () => {
    const heights = new Heights();
    heights.measured('a', 'text', 100);
    heights.clear();
    expect([heights.knows('a'), heights.of('a', 'text'), heights.of('b', 'text')]).toEqual([false, 40, 40]);
  });

  test('of rows that are still there are kept, however many went by', () => {
    const heights = new Heights();
    const keys = new Map([['0', 1], ['1', 1]]);
    for (let i = 0; i < 1_003; i++) heights.measured(String(i), 'text', 20);
    heights.keep(keys);
    expect(heights.knows('900')).toBe(true); // not many more than there are
    heights.measured('1003', 'text', 20);
    heights.keep(keys);
    expect(['0', '1', '2', '1003'].map((key) => heights.knows(key))).toEqual([true, true, false, false]);
    expect(heights.of('2', 'text')).toBe(40);
  });
});

test('a name is one name in capitals and small letters, wherever a sigma stands', () => {
  expect(personKey('ΟΔΥΣΣΕΥΣ')).toBe(personKey('οδυσσευς'));
  expect(personKey('οδυσσευσ')).toBe(personKey('οδυσσευς'));
  expect(personKey('Straße')).toBe(personKey('STRASSE'));
  expect(personKey('ﬁn')).toBe(personKey('FIN'));
  expect(searchKey('DIŞARI')).toBe(searchKey('dışarı'));
});

test('a command of which a part is written is suggested, and one that is written out is not', () => {
  expect(slashSuggestions('/onl').map((c) => c.name)).toEqual(['online']);
  expect(slashSuggestions('/ONL').map((c) => c.name)).toEqual(['online']);
  expect(slashSuggestions('/online')).toEqual([]);
  expect(slashSuggestions('/online ')).toEqual([]);
});

test('people are named by letters, and lists of them by the first', () => {
  expect(['Ada', 'ada lovelace', 'Gus (guest)', 'a.b.c', '', '(x)'].map(initials)).toEqual(['A', 'AL', 'G', 'AC', '?', '?']);
  const plain = (list: string[], shown?: number) => listNames(list, shown).replaceAll(/[\u2068\u2069]/g, '');
  expect(plain(['Ada', 'Bo', 'Cy'])).toBe('Ada, Bo and Cy');
  expect(plain(['Ada', 'Bo', 'Cy', 'Di'])).toBe('Ada, Bo, Cy and 1 other');
  expect(plain(['Ada', 'Bo', 'Cy', 'Di', 'Ed'])).toBe('Ada, Bo, Cy and 2 others');
  expect(plain(['Ada', 'Bo', 'Cy'], 1)).toBe('Ada and 2 others');
  expect(listNames(['עדה', 'Bo'])).toBe(`${isolate('עדה')} and ${isolate('Bo')}`);
});

test('days are told from each other on both sides of midnight, whichever was asked about first', () => {
  const at = (day: number, hour: number) => new Date(2026, 4, day, hour).getTime();
  for (const [a, b, same] of [[at(3, 0), at(3, 23), true], [at(3, 23), at(4, 0), false], [at(4, 0), at(3, 23), false], [at(2, 12), at(3, 12), false], [at(3, 12), at(3, 0), true]] as const) {
    expect(sameDay(a, b)).toBe(same);
  }
  const now = at(20, 12);
  expect([dayName(at(20, 0), now), dayName(at(19, 23), now)]).toEqual(['Today', 'Yesterday']);
  const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' }).format(at(14, 12));
  expect(shortTime(at(14, 12), now)).toBe(weekday);
  expect(shortTime(at(13, 12), now)).not.toBe(new Intl.DateTimeFormat(undefined, { weekday: 'long' }).format(at(13, 12)));
  expect(shortTime(at(21, 12), now)).toBe(new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' }).format(at(21, 12))); // a clock that is ahead
  expect(lastSeen(new Date(2025, 4, 1).getTime(), now)).toContain('2025');
  expect(lastSeen(new Date(2026, 3, 1).getTime(), now)).not.toContain('2026');
  expect(dayName(new Date(2025, 4, 1).getTime(), now)).toContain('2025');
});

test('a text is its parts, and none of them is empty', () => {
  for (const text of ['', 'https://a.example', 'see https://a.example/x', 'https://a.example, https://b.example.', 'no link']) {
    const parts = linkify(text).map((p) => p.text);
    expect([parts.join(''), parts.includes('')]).toEqual([text, false]);
  }
});
