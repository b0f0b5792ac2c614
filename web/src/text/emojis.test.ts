import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { byShortcode, complete, emojis, find, groups, known, withSkinTone, type SkinTone } from './emojis.ts';
import { quickReactions } from './emoji.ts';

test('there are all emoji of Unicode, each with a shortcode and in a group', () => {
  expect(emojis.length).toBeGreaterThan(1_900);
  expect(new Set(emojis.map((e) => e.emoji)).size).toBe(emojis.length);
  expect(emojis.filter((e) => !e.shortcodes[0] || !groups.some((g) => g.group === e.group))).toEqual([]);
  for (const e of quickReactions) expect(known(e)?.emoji).toBe(e);
});

test('each skin tone is one that Unicode has', () => {
  const all = createRequire(import.meta.url)('emojibase-data/en/compact.json') as { unicode: string; skins?: { unicode: string }[] }[];
  const skins = new Map(all.map((e) => [known(e.unicode), new Set(e.skins?.map((s) => s.unicode))]));
  for (const e of emojis) {
    for (const tone of [1, 2, 3, 4, 5] as SkinTone[]) {
      if (e.skins) expect(skins.get(e), `${e.emoji} ${e.name}`).toContain(withSkinTone(e, tone));
      else expect(withSkinTone(e, tone)).toBe(e.emoji);
    }
    expect(withSkinTone(e, 0)).toBe(e.emoji);
  }
});

test.each([['+1', '👍️'], ['tada', '🎉'], ['thumbsup', '👍️'], ['heart', '❤️'], ['TADA', '🎉']])(':%s: is %s', (code, emoji) => {
  expect(known(byShortcode(code)!.emoji)).toBe(known(emoji));
});

test('what is no shortcode is none', () => {
  for (const code of ['', 'constructor', 'nobody_has_this', '30']) expect(byShortcode(code)).toBeUndefined();
});

test.each([['tada', '🎉'], ['party', '🎉'], ['germany', '🇩🇪'], ['flag ger', '🇩🇪'], ['cat', '🐱'], ['thumbs up', '👍️'], [':rocket:', '🚀'], ['Rakete', undefined], ['🚀', '🚀']])(
  '%j finds %s', (query, emoji) => {
    const found = find(query).slice(0, 6).map((e) => known(e.emoji));
    if (emoji) expect(found).toContain(known(emoji));
    else expect(found).toEqual([]);
  });

test('a begun shortcode becomes those that it may be', () => {
  expect(complete('tad', 5)[0]).toMatchObject({ code: 'tada', e: { emoji: '🎉' } });
  expect(complete('thumbs_u', 5)[0]?.e.name).toBe('thumbs up');
  expect(complete('zzzz', 5)).toEqual([]);
  expect(complete('a', 5)).toHaveLength(5);
});
