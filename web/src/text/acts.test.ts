import { expect, test } from 'vitest';
import { actName, dayStart, invitationOver, outcomeName } from './acts.ts';

test('an action that is not known is told as it is', () => {
  expect([actName('server.ban'), actName('server.dance')]).toEqual(['Banned from the server', 'server.dance']);
  expect([outcomeName('purge'), outcomeName('praise')]).toEqual(['Messages of the author removed', 'praise']);
});

test('a day begins and ends at midnight of the reader\'s', () => {
  expect(dayStart('2026-03-29')).toBe(new Date(2026, 2, 29).getTime());
  expect(dayStart('2026-03-29', 1)).toBe(new Date(2026, 2, 30).getTime()); // also where the clock is changed between
  expect(dayStart('2026-12-31', 1)).toBe(new Date(2027, 0, 1).getTime());
});

test.each([undefined, '', 'x', '2026-1-1', '29.03.2026'])('%j is no day', (date) => {
  expect(dayStart(date)).toBeUndefined();
});

test('an invitation is over when it is used up, ended or taken back', () => {
  const good = { uses: 2, used: 1, expires: 10, revoked: false };
  expect(invitationOver(good, 9)).toBeUndefined();
  expect(invitationOver(good, 10)).toBe('Ended');
  expect(invitationOver({ ...good, used: 2 }, 9)).toBe('Used up');
  expect(invitationOver({ ...good, revoked: true }, 9)).toBe('Taken back');
});
