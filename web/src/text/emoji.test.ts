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

test('those of the server’s own are big where there are any', () => {
  const known = (own: string) => own === ':party:';
  for (const text of [':party:', ':party: 👍 :party:', ':party::party:']) expect([emojiOnly(text, known), emojiOnly(text)]).toEqual([true, false]);
  for (const text of [':gone:', ':party: :gone:', ':party: x', ':party::party::party::party:', '10:30:45']) expect(emojiOnly(text, known)).toBe(false);
});
