import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Inbox, type InboxRoom } from './inbox.ts';
import { UnreadRecounts } from './unread-recounts.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const base: InboxRoom = { room: 'lobby', read: 10, through: 100, unread: 9, more: false, mentions: 3, firstUnread: 11, firstMention: 20 };

function started(answer: () => Promise<readonly unknown[]> = () => Promise.resolve([{ room: 'lobby', read: 30, through: 100, unread: 5, mentions: 2, first_unread: 31, first_mention: 40 }])) {
  const inbox = new Inbox();
  inbox.take([base]);
  const asked: string[] = [];
  const at = { read: 10, online: true, renewed: 0 };
  const recounts = new UnreadRecounts({
    inbox, online: () => at.online, renew: () => at.renewed++, read: () => at.read,
    ask: (room) => (asked.push(room), answer()),
  });
  return { inbox, asked, at, recounts };
}

test('when the first of several mentions is read, the server is asked where the next is, in that room', async () => {
  const { inbox, asked, at, recounts } = started();
  at.read = 15;
  recounts.recountMentions('lobby'); // the first is still ahead
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual([]);
  for (at.read = 25; at.read < 30; at.read++) recounts.recountMentions('lobby');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual(['lobby']);
  expect(inbox.get('lobby')).toMatchObject({ read: 30, mentions: 2, firstMention: 40 });
  recounts.recountMentions('lobby');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toHaveLength(1);
});

test('it is not asked when one alone was counted, when all is read, nor without a connection', async () => {
  const { inbox, asked, at, recounts } = started();
  at.read = 25;
  inbox.take([{ ...base, mentions: 1 }]);
  recounts.recountMentions('lobby');
  inbox.take([base]);
  at.read = 100;
  recounts.recountMentions('lobby');
  recounts.recountMentions('elsewhere');
  await vi.advanceTimersByTimeAsync(5_000);
  at.read = 25;
  at.online = false;
  recounts.recountMentions('lobby');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual([]);
  at.online = true;
  recounts.recountMentions('lobby');
  recounts.close();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toEqual([]);
});

test('a request that fails changes nothing', async () => {
  const { inbox, at, recounts } = started(() => Promise.reject(new Error('away')));
  at.read = 25;
  recounts.recountMentions('lobby');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(inbox.get('lobby')).toEqual(base);
});

test('what was counted and may be no more is asked for in all rooms, once for many reasons', async () => {
  const { at, recounts } = started();
  recounts.recount('elsewhere'); // nothing is counted there
  await vi.advanceTimersByTimeAsync(5_000);
  expect(at.renewed).toBe(0);
  recounts.recount('lobby');
  recounts.recount('lobby');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(at.renewed).toBe(1);
});
