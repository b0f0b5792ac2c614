import { expect, test } from 'vitest';
import type { ModeratedEvent } from '../client/index.ts';
import { actText, countdown, mutedText, ownActText, span } from './moderation.ts';

const event = (e: Partial<ModeratedEvent>): ModeratedEvent =>
  ({ type: 'moderated', seq: 1, prev: 0, room: 'r', id: 'i', user: 'a', name: 'Ada', ts: 1_000, member: 'b', member_name: 'Bob', act: 'mute', ...e });

test.each([
  [event({ until: 3_601_000, text: 'spam' }), 'Ada muted Bob for 1 hour: spam'],
  [event({ until: 601_000 + 400 }), 'Ada muted Bob for 10 minutes'],
  [event({}), 'Ada muted Bob'],
  [event({ member: 'me' }), 'Ada muted you'],
  [event({ user: 'me', act: 'unmute' }), 'You let Bob write again'],
  [event({ act: 'rules', slow: 30 }), 'Ada set the rules: every member may send; one message every 30 seconds'],
  [event({ act: 'rules', announce: 'react' }), 'Ada set the rules: only moderators send, members may react'],
  [event({ act: 'rules', announce: 'silent' }), 'Ada set the rules: only moderators send'],
  [event({ act: 'remove', text: 'spam' }), 'Ada removed Bob from this room: spam'],
  [event({ act: 'archive' }), 'Ada archived this room'],
  [event({ act: 'purge', until: 1_000 - 3_600_000, text: 'spam' }), 'Ada removed messages of Bob from the last 1 hour: spam'],
  [event({ act: 'purge' }), 'Ada removed all messages of Bob'],
  [event({ name: 'שרה', member_name: 'علي', text: 'ספאם' }), '\u2068שרה\u2069 muted \u2068علي\u2069: \u2068ספאם\u2069'],
  [event({ act: 'sparkle', text: 'why' }), 'Ada moderated this room: why'],
])('%o', (e, text) => expect(actText(e, 'me')).toBe(text));

test.each([[90, '90 seconds'], [60, '1 minute'], [7_200, '2 hours'], [604_800, '7 days'], [0, '0 seconds']])('%d s', (s, text) => expect(span(s)).toBe(text));
test.each([[8.2, '0:09'], [270, '4:30'], [3_600, '1:00:00'], [-1, '0:00']])('%d s to wait', (s, text) => expect(countdown(s)).toBe(text));

test('what is told to whom it concerns', () => {
  expect(ownActText(event({ act: 'delete', text: 'Garden', target: 'r' }), 'b', undefined)).toBe('Ada deleted the room Garden.');
  expect(ownActText(event({ text: 'spam', target: 'r' }), 'b', 'Garden')).toBe('Ada muted you: spam (in Garden)');
  expect(ownActText(event({ act: 'report', target: 'r' }), 'b', 'Garden')).toBe('A message was reported in Garden: see Moderation in its list of people.');
  expect(ownActText(event({ act: 'resolved', text: 'mute', target: 'r' }), 'b', 'Garden')).toBe('Your report in Garden was looked at, and something was done.');
  expect(ownActText(event({ act: 'resolved', text: 'dismiss' }), 'b', undefined)).toBe('Your report was looked at.');
  expect(ownActText(event({ target: 'r' }), 'b', 'גן')).toBe('Ada muted you (in \u2068גן\u2069)');
  expect(ownActText(event({ act: 'delete', name: 'שרה', text: 'גן', target: 'r' }), 'b', undefined)).toBe('\u2068שרה\u2069 deleted the room \u2068גן\u2069.');
  expect(ownActText(event({ act: 'remove', text: 'spam', target: 'r' }), 'b', 'Garden')).toBe('Ada took you out of Garden: spam');
  expect(ownActText(event({ act: 'remove', target: 'r' }), 'b', undefined)).toBe('Ada took you out of a room.');
  expect(ownActText(event({}), 'b', undefined)).toBe('Ada muted you (everywhere)');
});

test('why somebody may not write', () => {
  expect(mutedText({ reason: '' })).toBe('You are muted until that is lifted');
  expect(mutedText({ reason: 'ספאם' })).toBe('You are muted until that is lifted: \u2068ספאם\u2069');
  expect(mutedText({ until: 1_000, reason: 'spam' })).toMatch(/^You are muted until .*1970.*: spam$/);
});
