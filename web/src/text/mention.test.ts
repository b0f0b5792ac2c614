import { expect, test } from 'vitest';
import { beginning, mentioned, mentions, suggestions } from './mention.ts';

test.each<[string, string[]]>([
  ['@ada', ['ada']],
  ['hello @Ada, and @bo.b-c_1.', ['Ada', 'bo.b-c_1']],
  ['(@Zoë) @李四!', ['Zoë', '李四']],
  ['@Cy (guest) is here', ['Cy (guest)']],
  ['mail to ada@example.org, or https://example.org/@ada', []],
  ['@ @, @@ada @-', []],
  ['＠ada @ａｄａ', ['ada', 'ａｄａ']],
  ['@प्रिया, नमस्ते', ['प्रिया']],
  ['@stu\u0308vel', ['stu\u0308vel']],
  ['你好@小明', ['小明']],
  ['สวัสดี@สมชาย', ['สมชาย']],
])('%j mentions %j', (text, names) => {
  expect(mentions(text).map((m) => m.name)).toEqual(names);
});

test('a mention is of one person, however it is written', () => {
  expect(mentioned('hi @ADA!', 'Ada')).toBe(true);
  expect(mentioned('hi @Adam', 'Ada')).toBe(false);
  expect(mentioned('hi @Ada', 'Ada (guest)')).toBe(false);
  expect(mentioned('hi @Ada (guest)', 'Ada')).toBe(false);
  expect(mentioned('hi Ada', 'Ada')).toBe(false);
  expect(mentioned('＠ａｄａ', 'Ada')).toBe(true);
  expect(mentioned('@ilkayğ', 'ILKAYĞ')).toBe(true);
  expect(mentioned('@stu\u0308vel', 'stu')).toBe(false);
  expect(mentioned('@प्रिया', 'प')).toBe(false);
  expect(mentioned('@STRASSE', 'straße')).toBe(true);
});

test.each<[string, string | undefined]>([
  ['@', ''],
  ['hello @a', 'a'],
  ['hello (@Zo', 'Zo'],
  ['你好＠小', '小'],
  ['@stu\u0308', 'stu\u0308'],
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
  expect(suggestions(['Zoë', 'İlker', 'Straße', '小明'], 'zoe')).toEqual(['Zoë']);
  expect(suggestions(['Zoë', 'İlker', 'Straße', '小明'], 'İL')).toEqual(['İlker']);
  expect(suggestions(['Zoë', 'İlker', 'Straße', '小明'], 'STRAS')).toEqual(['Straße']);
  expect(suggestions(['Zoë', 'İlker', 'Straße', '小明'], '小')).toEqual(['小明']);
  expect(suggestions(Array.from({ length: 30 }, (_, i) => `a${i}`), 'a')).toHaveLength(6);
});
