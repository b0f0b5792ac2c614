import { afterEach, beforeEach, expect, test } from 'vitest';
import { direction, language, locale, m, setLanguage } from './language.svelte.ts';
import { best } from './languages.ts';
import { describe, notSent } from './describe.ts';
import { hole, pieces } from './pieces.ts';
import { ConnectionLost, HubbubError } from '../client/index.ts';
import { fullTime, timeOf } from '../text/time.svelte.ts';

beforeEach(() => setLanguage('en', ['en-US']));
afterEach(() => setLanguage('en', ['en-US']));

test('the language is the first that the browser wants and the page has', () => {
  expect(best(['pt-BR', 'de-AT', 'fr'])).toBe('de');
  expect(best(['ja-JP'])).toBe('ja');
  expect(best(['pt', 'constructor'])).toBe('en');
  expect(best([])).toBe('en');
});

test('messages are those of the language that is spoken, with the forms that its numbers take', async () => {
  expect(m.members({ count: 1 })).toBe('One member');
  expect(m.members({ count: 1_200 })).toBe('1,200 members');
  await setLanguage('de');
  expect(m.members({ count: 1_200 })).toBe('1.200 Mitglieder');
  await setLanguage('ja');
  expect(m.members({ count: 3 })).toBe('メンバー 3人');
  await setLanguage('ar');
  expect([0, 1, 2, 3, 11, 100].map((count) => m.members({ count }))).toEqual(['لا أعضاء', 'عضو واحد', 'عضوان', '3 أعضاء', '11 عضوًا', '100 عضو']);
  expect(direction()).toBe('rtl');
});

test('dates are as the region has them that the browser names, and else as the language does', async () => {
  const at = new Date(2026, 4, 3, 15, 5).getTime();
  await setLanguage('system', ['en-GB', 'en-US']);
  expect([locale(), timeOf(at)]).toEqual(['en-GB', '15:05']);
  await setLanguage('de', ['en-GB', 'de-CH']);
  expect(locale()).toBe('de-CH');
  expect(fullTime(at)).toContain('Sonntag');
  // One page has one kind of digits, those of its messages.
  await setLanguage('system', ['ar-EG']);
  expect(fullTime(at)).toMatch(/2026/);
});

test('of two that are asked for the last is spoken', async () => {
  await Promise.all([setLanguage('fr'), setLanguage('ja')]);
  expect(language()).toBe('ja');
});

test('what is no text has its place in a message, wherever the language puts it', async () => {
  expect(pieces(m.orFindOne({ find: hole(0) }))).toEqual(['Or ', 0, '.']);
  await setLanguage('ja');
  expect(pieces(m.orFindOne({ find: hole(0) }))).toEqual(['または', 0, '。']);
});

test('errors are told in the language of the page, and as the server tells them where that is not known', async () => {
  const room = new HubbubError('forbidden', 'there is no such room, or you may not enter it');
  const strange = new HubbubError('bad_request', 'the moon is full');
  expect(describe(room)).toBe('There is no such room, or you may not enter it.');
  await setLanguage('de');
  expect(describe(room)).toBe('Diesen Raum gibt es nicht, oder du darfst nicht hinein.');
  expect(describe(new HubbubError('rate_limited', 'too many commands', 500))).toBe(m.tooFastError());
  expect(describe(new ConnectionLost())).toBe(m.serverNotReached());
  expect(describe(strange)).toBe('The moon is full.');
  expect(describe(new TypeError('x'))).toBe(m.somethingWentWrong());
});

test('why a message was not sent is told in the language of the page', async () => {
  const failed = (code: string | undefined, error: string | undefined) => notSent({ room: 'r', id: 'm', text: 'x', ts: 1, state: 'failed', ...(error !== undefined && { error }), ...(code !== undefined && { code }) });
  await setLanguage('de');
  expect(failed('forbidden', 'There is no such room, or you may not enter it.')).toBe('Diesen Raum gibt es nicht, oder du darfst nicht hinein.');
  expect(failed('rate_limited', 'Too many commands.')).toBe(m.tooFastError());
  expect([failed(undefined, 'Of a release before.'), failed(undefined, undefined)]).toEqual(['Of a release before.', '']);
});
