import { expect, test } from 'vitest';
import { beginning, mentioned, mentions, suggestions } from './mention.ts';

test.each<[string, string[]]>([
  ['@ada', ['ada']],
  ['hello @Ada, and @bo.b-c_1.', ['Ada', 'bo.b-c_1']],
  ['(@Zoë) @李四!', ['Zoë', '李四']],
  ['@Cy (guest) is here', ['Cy (guest)']],
  ['mail to ada@example.org, or https://example.org/@ada', []],
  ['@ @, @@ada @-', []],
])('%j mentions %j', (text, names) => {
  expect(mentions(text).map((m) => m.name)).toEqual(names);
});

test('a mention is of one person, however it is written', () => {
  expect(mentioned('hi @ADA!', 'Ada')).toBe(true);
  expect(mentioned('hi @Adam', 'Ada')).toBe(false);
  expect(mentioned('hi @Ada', 'Ada (guest)')).toBe(false);
  expect(mentioned('hi @Ada (guest)', 'Ada')).toBe(false);
  expect(mentioned('hi Ada', 'Ada')).toBe(false);
});

test.each<[string, string | undefined]>([
  ['@', ''],
  ['hello @a', 'a'],
  ['hello (@Zo', 'Zo'],
  ['@ada @b.', 'b.'],
  ['@ada ', undefined],
  ['mail ada@ex', undefined],
  ['https://example.org/@ad', undefined],
  ['', undefined],
])('%j begins the name %j', (text, name) => {
  expect(beginning(text)).toBe(name);
});

test('names are suggested that begin so', () => {
  const names = ['Bo (guest)', 'Ada', 'adam', 'Ada', 'Bob'];
  expect(suggestions(names, 'AD')).toEqual(['Ada', 'adam']);
  expect(suggestions(names, '')).toEqual(['Ada', 'adam', 'Bo (guest)', 'Bob']);
  expect(suggestions(names, 'adam')).toEqual([]);
  expect(suggestions(names, 'ada')).toEqual(['Ada', 'adam']);
  expect(suggestions(Array.from({ length: 30 }, (_, i) => `a${i}`), 'a')).toHaveLength(6);
});
