import { expect, test } from 'vitest';
import { parseRetention } from '../client/read-records.ts';
import { retentionText, ruleName, ruleWords } from './retention.ts';

test.each([
  [undefined, ''],
  [{ rule: 'forever' }, ''],
  [{ days: 30 }, 'Messages are kept for 30 days.'],
  [{ days: 1 }, 'Messages are kept for 1 day.'],
  [{ days: 730 }, 'Messages are kept for 2 years.'],
  [{ count: 1000 }, 'The newest 1,000 messages are kept.'],
  [{ count: 1 }, 'Only the newest message is kept.'],
  [{ days: 365, count: 1000, least: 7 }, 'The newest 1,000 messages are kept, for 1 year at most. None is removed for its number before it is 7 days old.'],
])('%j is told as %j', (kept, text) => expect(retentionText(kept)).toBe(text));

test.each([
  ['forever', undefined],
  ['30 days', { days: 30 }],
  ['1 message', { count: 1 }],
  ['365 days, 1000 messages, but 7 days at least', { days: 365, count: 1000, least: 7 }],
  ['1000 messages, but 7 days at least', { count: 1000, least: 7 }],
])('an event that says %j', (said, kept) => expect(parseRetention(said)).toEqual(kept));

test.each([
  ['forever', 'Forever', 'forever'],
  ['30 days', 'For 30 days', '30 days'],
  ['1 day', 'For 1 day', '1 day'],
  ['1000 messages', 'The newest 1,000', '1,000 messages'],
  ['1 message', undefined, '1 message'],
  ['1000 messages, but 7 days at least', '1000 messages, but 7 days at least', '1000 messages, but 7 days at least'],
])('the rule %j as a choice and within a sentence', (rule, name, words) => {
  if (name !== undefined) expect(ruleName(rule)).toBe(name);
  expect(ruleWords(rule)).toBe(words);
});
