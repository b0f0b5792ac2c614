import { expect, test } from 'vitest';
import { choicesOf, hasWord, levelOf, isQuietTime, withChoices, wordsIn } from './choices.ts';

test('what is of no form is as if it were not there', () => {
  for (const notify of [undefined, null, 1, [], { level: 'loud', rooms: [1], words: 'x', quiet: { from: -1, to: 1440, zone: 5 }, paused: 'x', mail: 'yearly' }]) {
    expect(choicesOf({ notify })).toEqual({ level: 'mentions', rooms: {}, words: [], paused: 0 });
  }
  const notify = { level: 'nothing', rooms: { a: 'everything', b: 'loud' }, words: ['x', 1], quiet: { from: 0, to: 60, zone: 'UTC' }, paused: 5, mail: 'weekly' };
  expect(choicesOf({ notify })).toEqual({ level: 'nothing', rooms: { a: 'everything' }, words: ['x'], quiet: { from: 0, to: 60, zone: 'UTC' }, paused: 5, mail: 'weekly' });
});

test('a change leaves what another release keeps there, and takes away what is undefined', () => {
  const values = { muted: ['a'], notify: { level: 'nothing', newer: 1, quiet: { from: 1, to: 2, zone: 'UTC' } } };
  expect(withChoices(values, { words: ['x'], quiet: undefined } as object)).toEqual({ notify: { level: 'nothing', newer: 1, words: ['x'] } });
});

test('a room has its own level, else the general one, and a muted room mentions at most', () => {
  const c = choicesOf({ notify: { level: 'everything', rooms: { a: 'nothing', m: 'everything' } } });
  expect([levelOf(c, 'a', false), levelOf(c, 'b', false), levelOf(c, 'b', true), levelOf(c, 'm', true)]).toEqual(['nothing', 'everything', 'mentions', 'everything']);
  expect(levelOf(choicesOf({ notify: { level: 'nothing' } }), 'b', true)).toBe('nothing');
});

test('quiet hours are those of a zone, also across midnight, and a pause ends', () => {
  const c = choicesOf({ notify: { quiet: { from: 1320, to: 420, zone: 'Europe/Berlin' } } });
  for (const [at, want] of [['2026-01-10T20:59:00Z', false], ['2026-01-10T21:00:00Z', true], ['2026-01-11T05:59:00Z', true], ['2026-01-11T06:00:00Z', false], ['2026-07-10T20:00:00Z', true]] as const) {
    expect(isQuietTime(c, Date.parse(at)), at).toBe(want);
  }
  expect(isQuietTime(choicesOf({ notify: { quiet: { from: 0, to: 1439, zone: 'Mars/Base' } } }), 0)).toBe(false);
  const paused = choicesOf({ notify: { paused: 100 } });
  expect([isQuietTime(paused, 99), isQuietTime(paused, 100)]).toEqual([true, false]);
});

test('words are found by themselves, in any case and with any accents', () => {
  for (const [word, text, want] of [
    ['deploy', 'Let us DEPLOY', true], ['deploy', 'redeployed', false], ['straße', 'STRASSE 5', true], ['memes', 'Mêmes!', true],
    ['on call', 'who is on call?', true], ['小明', '你好小明请看', true], ['', 'x', false],
  ] as const) expect(hasWord(text, [word]), `${word} in ${text}`).toBe(want);
});

test('what was typed is cut into words, each once', () => {
  expect(wordsIn(' deploy, on call ;deploy\n,')).toEqual(['deploy', 'on call']);
  expect(wordsIn('x'.repeat(100))[0]).toHaveLength(64);
});
