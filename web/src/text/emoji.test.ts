import { expect, test } from 'vitest';
import { emojiOnly, shortcode } from './emoji.ts';

test.each(['👍', '👍🏽', '❤️', '❤', '👨‍👩‍👧‍👦', '🏳️‍🌈', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '🇩🇪🇫🇷', '1️⃣', '👍 🎉\n❤️', '🧑🏿‍🚀', '☺️😀🙃', '#️⃣', '⚽'])('%s is big', (text) => {
  expect(emojiOnly(text)).toBe(true);
});

test.each(['', ' ', '1', '123', '👍👍👍👍', 'a👍', '©', '™', '#', '👍!', '\u200D', '🏽a', '→', '!?'])('%j is not', (text) => {
  expect(emojiOnly(text)).toBe(false);
});

test.each([
  [':ta', 'ta', false], ['so :tada', 'tada', false], ['(:+1', '+1', false], [':tada:', 'tada', true], ['好：tada', undefined, false], ['：tada：', 'tada', true],
  [':t', undefined, false], ['a:ta', undefined, false], ['12:30', undefined, false], ['https://a', undefined, false], ['::ta', undefined, false], [':ta ', undefined, false],
])('%j has the shortcode %s', (text, code, closed) => {
  expect(shortcode(text)).toEqual(code === undefined ? undefined : { code, closed });
});
