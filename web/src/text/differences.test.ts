import { expect, test } from 'vitest';
import { differences } from './differences.ts';

const shown = (before: string, now: string) => differences(before, now).map((p) => ({ same: p.text, added: `[+${p.text}]`, removed: `[-${p.text}]` })[p.kind]).join('');

test.each([
  ['', '', ''],
  ['one', 'one', 'one'],
  ['', 'one two', '[+one two]'],
  ['one two', '', '[-one two]'],
  ['we meet at two', 'we meet at three', 'we meet at [-two][+three]'],
  ['two of us', 'all of us', '[-two][+all] of us'],
  ['we meet today at two', 'we meet at two', 'we meet [-today ]at two'],
  ['a b c d e', 'a x c y e', 'a [-b][+x] c [-d][+y] e'],
  ['one\ntwo', 'one\nzero\ntwo', 'one\n[+zero\n]two'],
  ['会議は月曜日です', '会議は火曜日です', '会議は[-月曜日][+火曜日]です'],
  ['نلتقي اليوم', 'نلتقي غدا', 'نلتقي [-اليوم][+غدا]'],
  ['same same', 'same', 'same[- same]'],
])('%j becomes %j', (before, now, want) => expect(shown(before, now)).toBe(want));

test('both texts are there, whatever differs', () => {
  const alphabet = ['a', 'b', ' ', '\n', 'word', '🎉', '.'];
  let seed = 7;
  const some = () => Array.from({ length: 40 }, () => alphabet[(seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % alphabet.length]).join('');
  for (let i = 0; i < 200; i++) {
    const [before, now] = [some(), some()];
    const pieces = differences(before, now);
    expect(pieces.filter((p) => p.kind !== 'added').map((p) => p.text).join('')).toBe(before);
    expect(pieces.filter((p) => p.kind !== 'removed').map((p) => p.text).join('')).toBe(now);
  }
});

test('very long texts are replaced as a whole', () => {
  const [before, now] = ['x '.repeat(8_000), 'y '.repeat(8_000)] as const;
  expect(differences(before, now).map((p) => p.kind)).toEqual(['removed', 'added']);
});
