import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { entry, lobby, noPages } from '../../test/harness.ts';
import { HubbubError } from './errors.ts';
import type { Command, HistoryMessage, LogEvent, Name } from './protocol.ts';
import { Room } from './room.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const said = (seq: number, fields: object = {}) => entry(seq, seq - 1, fields) as unknown as HistoryMessage;

/** A room with a page of three messages, one of which is known to mention somebody. */
async function started(answer: (asked: readonly Name[]) => Promise<readonly HistoryMessage[]>) {
  const asked: string[][] = [];
  const room = new Room(lobby, {
    request: (async (command: Command) => {
      if (command.type === 'join') return { type: 'joined', room: 'lobby', seq: 102 };
      const messages = [said(100, { text: '@ada', mentions: ['a'], mention_names: ['ada'] }), said(101, { text: 'hello' }), said(102, { text: '@bo and @nobody' })];
      return { type: 'history', room: 'lobby', messages, more: false };
    }) as never,
    changed: () => room.findMentions(),
    applied: () => undefined, live: () => undefined, ...noPages,
    quotes: (_, names) => (asked.push(names.map((n) => n.id)), answer(names as readonly Name[])),
  });
  await room.sync();
  const of = (id: string) => room.log.messages.find((m) => m.id === id);
  const receive = (seq: number, fields: object) => room.receive(said(seq, fields) as unknown as LogEvent);
  return { room, asked, of, receive };
}

test('whom a message mentions is asked for where a page does not say it, and not where it does', async () => {
  const { asked, of, receive } = await started(async (names) => names.map(({ id }) => said(Number(id.slice(1)), { mentions: ['b'], mention_names: ['bo'] })));
  expect(of('m100')).toMatchObject({ mentions: ['a'], mentionNames: ['ada'] });
  expect(asked).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toEqual([['m102']]);
  expect(of('m102')).toMatchObject({ text: '@bo and @nobody', mentions: ['b'], mentionNames: ['bo'] });
  receive(103, { text: 'hi @bo' });
  receive(104, { text: 'hello' });
  expect(of('m103')!.mentions).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked.slice(1)).toEqual([['m103']]);
  expect(of('m103')!.mentions).toEqual(['b']);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(asked).toHaveLength(2);
});

test('what the record does not know yet is asked for again, more and more seldom, and not for ever', async () => {
  const { asked, of } = await started(async () => [said(102)]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(asked).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(asked).toHaveLength(6);
  expect(of('m102')!.mentions).toBeUndefined();
});

test('after an edit it is asked for anew, and what is known of the text before counts no more', async () => {
  let give: (found: readonly HistoryMessage[]) => void = () => undefined;
  const { of, receive } = await started(() => new Promise((resolve) => (give = resolve)));
  await vi.advanceTimersByTimeAsync(1_000);
  receive(103, { type: 'edited', target: 'm102', author: 'bo', text: '@ada', ts: 103 });
  give([said(102, { mentions: ['b'], mention_names: ['bo'] })]);
  await vi.advanceTimersByTimeAsync(0);
  expect(of('m102')!.mentions).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1_000);
  give([said(102, { mentions: ['a'], mention_names: ['ada'], edited_ts: 103 })]);
  await vi.advanceTimersByTimeAsync(0);
  expect(of('m102')).toMatchObject({ text: '@ada', mentions: ['a'] });
});

test('while the server does not answer it is asked later, and one that does not know of it is not', async () => {
  let tries = 0;
  const first = await started(() => (++tries === 1 ? Promise.reject(new HubbubError('unavailable', 'away')) : Promise.resolve([said(102, { mentions: [] })])));
  await vi.advanceTimersByTimeAsync(11_000);
  expect(first.of('m102')!.mentions).toEqual([]);
  const second = await started(() => Promise.reject(new HubbubError('not_found', 'no such route')));
  await vi.advanceTimersByTimeAsync(600_000);
  expect(second.asked).toHaveLength(1);
});
