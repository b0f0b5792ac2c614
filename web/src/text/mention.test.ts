import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { markdown } from './markdown.ts';
import type { Block, Inline } from './typed.ts';
import { mentionPrefix, mentionKey, mayMention, mentioned, mentions, mentionSuggestions } from './mention.ts';

interface Case {
  readonly text: string;
  readonly names: readonly string[];
  readonly mentions: readonly string[];
  readonly room?: boolean;
  readonly here?: boolean;
}
const cases = JSON.parse(readFileSync(new URL('../../../libs/mentions/testdata/cases.json', import.meta.url), 'utf8')) as Case[];

/** The mentions among what is shown, in order. */
const shown = (blocks: readonly Block[]): string[] => {
  const runs = (list: readonly Inline[]): string[] => list.flatMap((r) => (r.kind === 'mention' ? [mentionKey(r.text.slice(1))] : 'children' in r ? runs(r.children) : []));
  return blocks.flatMap((b) => (b.kind === 'paragraph' || b.kind === 'heading' ? runs(b.children) : []));
};

test.each(cases)('as on the server: $text mentions $mentions of $names', ({ text, names, mentions: wanted, room = false, here = false }) => {
  const found = shown(markdown(text, { names: new Set(names.map(mentionKey)), room: true, here: true }));
  expect([...new Set(found.filter((k) => k !== 'room' && k !== 'here'))]).toEqual(wanted.map(mentionKey));
  expect([found.includes('room'), found.includes('here')]).toEqual([room, here]);
  if (found.length) expect(mayMention(text)).toBe(true);
});

test('who reads it is told apart, and @room and @here are shown where they reach somebody', () => {
  const means = { names: new Set(['ada', 'bo']), room: true, here: false };
  expect(mentions('@bo @ADA @room @here', means).map((m) => [m.at, m.name, m.key])).toEqual([[0, 'bo', 'bo'], [4, 'ADA', 'ada'], [9, 'room', 'room']]);
  expect(markdown('@bo @ADA', { ...means, me: 'ada' })).toMatchObject([{ children: [{ text: '@bo', me: false }, {}, { text: '@ADA', me: true }] }]);
});

test('a mention is of one person, however it is written', () => {
  expect(mentioned('hi @ADA!', 'Ada')).toBe(true);
  expect(mentioned('hi @Ada', 'Ada (guest)')).toBe(false);
  expect(mentioned('hi Ada', 'Ada')).toBe(false);
  expect(mentioned('＠ａｄａ', 'Ada')).toBe(true);
});

test.each<[string, string | undefined]>([
  ['@', ''],
  ['hello @a', 'a'],
  ['hello (@Zo', 'Zo'],
  ['你好＠小', '小'],
  ['x\u0301@ad', undefined],
  ['\u0301@ad', 'ad'],
  ['ー@ad', 'ad'],
  ['@stu\u0308', 'stu\u0308'],
  ['@ada @b.', 'b.'],
  ['@ada ', undefined],
  ['mail ada@ex', undefined],
  ['https://example.org/@ad', undefined],
  ['', undefined],
])('%j begins the name %j', (text, name) => {
  expect(mentionPrefix(text)).toBe(name);
});

test('names are suggested that begin so', () => {
  const names = ['Bo (guest)', 'Ada', 'adam', 'Ada', 'Bob'];
  expect(mentionSuggestions(names, 'AD')).toEqual(['Ada', 'adam']);
  expect(mentionSuggestions(names, '')).toEqual(['Ada', 'adam', 'Bo (guest)', 'Bob']);
  expect(mentionSuggestions(names, 'adam')).toEqual([]);
  expect(mentionSuggestions(names, 'ada')).toEqual(['Ada', 'adam']);
  expect(mentionSuggestions(['Zoë', 'İlker', 'Straße', '小明'], 'zoe')).toEqual(['Zoë']);
  expect(mentionSuggestions(['Zoë', 'İlker', 'Straße', '小明'], 'İL')).toEqual(['İlker']);
  expect(mentionSuggestions(['Zoë', 'İlker', 'Straße', '小明'], 'STRAS')).toEqual(['Straße']);
  expect(mentionSuggestions(['Zoë', 'İlker', 'Straße', '小明'], '小')).toEqual(['小明']);
  expect(mentionSuggestions(Array.from({ length: 30 }, (_, i) => `a${i}`), 'a')).toHaveLength(6);
});

test('every name of the cases is suggested by how a text writes it, and by its beginning', () => {
  for (const { mentions: wanted, text } of cases) {
    for (const name of wanted) {
      const at = mentions(text, { names: new Set([mentionKey(name)]), room: false, here: false })[0];
      if (!at) continue; // in code
      const written = [...at.name].slice(0, 2).join('');
      if (mentionKey(written) === mentionKey(name)) continue; // all of it is written
      expect(mentionSuggestions([name, 'somebody'], written), `${at.name} as ${written}`).toContain(name);
    }
  }
});
