import { expect, test } from 'vitest';
import { mentioned, mentions } from './mention.ts';

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
