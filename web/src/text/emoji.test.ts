import { expect, test } from 'vitest';
import { emojiOnly } from './emoji.ts';

test.each(['👍', '👍🏽', '❤️', '❤', '👨‍👩‍👧‍👦', '🏳️‍🌈', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '🇩🇪🇫🇷', '1️⃣', '👍 🎉\n❤️', '🧑🏿‍🚀', '☺️😀🙃', '#️⃣', '⚽'])('%s is big', (text) => {
  expect(emojiOnly(text)).toBe(true);
});

test.each(['', ' ', '1', '123', '👍👍👍👍', 'a👍', '©', '™', '#', '👍!', '\u200D', '🏽a', '→', '!?'])('%j is not', (text) => {
  expect(emojiOnly(text)).toBe(false);
});
