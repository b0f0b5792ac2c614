import { expect, test } from 'vitest';
import { userIDsByName, resolveMentions } from './mention-resolver.svelte.ts';

const people = userIDsByName([{ user: 'a', name: 'Ada' }, { user: 's', name: 'straße' }]);
const means = (message: Parameters<typeof resolveMentions>[0], name: string) => {
  const m = resolveMentions(message, () => people, 'Ada');
  return [m.names.has(name), m.room, m.here];
};

test('before the record says it, whoever is known by a name is meant', () => {
  expect([means({}, 'ada'), means({}, 'strasse'), means({}, 'nobody'), means(undefined, 'ada')]).toEqual([[true, false, false], [true, false, false], [false, false, false], [true, false, false]]);
});

test('what the record has found out counts, whoever is known', () => {
  const message = { mentions: ['b', '@room', '@here'], mentionNames: ['Ｂo'] };
  expect([means(message, 'bo'), means(message, 'ada'), means({ mentions: [] }, 'ada')]).toEqual([[true, true, true], [false, true, true], [false, false, false]]);
});

test('of a record that has ids alone, those who are known by them are meant', () => {
  expect([means({ mentions: ['a', 'b'] }, 'ada'), means({ mentions: ['b'] }, 'ada'), means({ mentions: ['@here'] }, 'ada')]).toEqual([[true, false, false], [false, false, false], [false, false, true]]);
});
