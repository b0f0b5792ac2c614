import { afterEach, beforeAll, expect, test } from 'vitest';
import { m, loadMessages, setLanguage } from '../lang/language.svelte.ts';
import { display as inWords, hashOf, noticeOf, type Notice } from './notice.ts';

beforeAll(() => loadMessages('rest'));
afterEach(() => setLanguage('en', ['en']));

const display = (n: Notice) => inWords(n, m);

test('a push says who wrote and where, and what only if it carries that', () => {
  const see = (n: Notice) => [display(n).title, display(n).options.body];
  expect(see({ kind: 'direct', room: 'd-1', author: 'Ada' })).toEqual(['Ada', 'sent you a message']);
  expect(see({ kind: 'direct', room: 'g-1', author: 'Ada' })).toEqual(['Ada', 'wrote in a conversation with you']);
  expect(see({ kind: 'direct', room: 'd-1', author: 'Ada', count: 3 })).toEqual(['Ada', '3 new messages']);
  expect(see({ kind: 'direct', room: 'd-1', author: 'Ada', text: 'hello' })).toEqual(['Ada', 'hello']);
  expect(see({ kind: 'mention', room: 'r', name: 'Garden', author: 'Ada' })).toEqual(['Ada mentioned you in Garden', '']);
  expect(see({ kind: 'mention', room: 'r', name: 'Garden', author: 'Ada', text: 'hello', count: 2 })).toEqual(['Ada mentioned you in Garden', 'hello · 2 new messages']);
  expect(see({ kind: 'message', room: 'r', name: 'Garden', author: 'Ada' })).toEqual(['Garden', 'New message from Ada']);
  expect(see({ kind: 'message', room: 'r', name: 'Garden', author: 'Ada', text: 'hello' })).toEqual(['Garden', 'Ada: hello']);
  expect(see({ kind: 'test' })[0]).toBe('Notifications work');
});

test('it says so in the language of the page, with the direction of each name', async () => {
  const see = (n: Notice) => [display(n).title, display(n).options.body];
  await setLanguage('de');
  expect(see({ kind: 'mention', room: 'r', name: 'Garten', author: 'Ada', text: 'hallo', count: 2 })).toEqual(['Ada hat dich in Garten erwähnt', 'hallo · 2 neue Nachrichten']);
  expect(see({ kind: 'message', room: 'r', name: 'سوق', author: 'عمر' })).toEqual(['سوق', 'Neue Nachricht von \u2068عمر\u2069']);
  await setLanguage('ar');
  expect(see({ kind: 'direct', room: 'd-1', author: 'Ada', count: 3 })).toEqual(['Ada', '3 رسائل جديدة']);
  await setLanguage('ja');
  expect(see({ kind: 'mention', room: 'r', name: 'Garden', author: 'Ada' })[0]).toBe('GardenでAdaさんにメンションされました');
});

test('a later notification of a room takes the place of the one before, and leads to its message', () => {
  const one = display({ kind: 'direct', room: 'd-1', seq: 7 }).options;
  expect(one.tag).toBe(display({ kind: 'mention', room: 'd-1', seq: 9 }).options.tag);
  expect(one.tag).not.toBe(display({ kind: 'direct', room: 'd-2' }).options.tag);
  expect(hashOf(one.data)).toBe('#/room/d-1/7');
  expect([hashOf({ room: 'r' }), hashOf({})]).toEqual(['#/room/r', '#/']);
});

test('a push of no form is told without its contents', () => {
  for (const data of [undefined, null, 5, 'x', [], { kind: 'loud', room: '../x', seq: -1, count: 1e300, author: 7, name: {} }]) {
    expect(noticeOf(data)).toEqual({ kind: 'message' });
    expect(display(noticeOf(data)).title).toBe('Somebody');
  }
  expect(noticeOf({ kind: 'mention', room: 'r', seq: 5, count: 2, author: 'A'.repeat(200), extra: 1 })).toEqual({ kind: 'mention', room: 'r', seq: 5, count: 2, author: 'A'.repeat(100) });
});
