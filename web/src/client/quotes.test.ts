import { afterEach, expect, test, vi } from 'vitest';
import { entry, lobby, noPages } from '../../test/harness.ts';
import { HubbubError } from './errors.ts';
import type { Command, HistoryMessage, LogEvent } from './protocol.ts';
import { Room } from './room.ts';
import type { ReplyTarget } from './roomlog.ts';

afterEach(() => void vi.useRealTimers());

const said = (seq: number, fields: object = {}) => entry(seq, seq - 1, fields) as unknown as HistoryMessage;

/** A room that shows the messages 100 to 110, two of which answer what is not shown. */
async function started(answer: (asked: readonly ReplyTarget[]) => Promise<readonly HistoryMessage[]>) {
  const asked: ReplyTarget[][] = [];
  const room = new Room(lobby, {
    request: (async (command: Command) => {
      if (command.type === 'join') return { type: 'joined', room: 'lobby', seq: 110 };
      const messages = Array.from({ length: 11 }, (_, i) => said(100 + i, i === 3 ? { reply_to: 'm5', reply_author: 'bo' } : i === 4 ? { reply_to: 'none' } : i === 5 ? { reply_to: 'm100', reply_author: 'bo' } : {}));
      return { type: 'history', room: 'lobby', messages, more: true };
    }) as never,
    changed: () => room.findQuotes(),
    applied: () => undefined, live: () => undefined, ...noPages,
    quotes: (_, names) => (asked.push([...names]), answer(names)),
  });
  await room.sync();
  const quoted = (name: string) => room.log.quotes.get(name);
  const receive = (seq: number, fields: object) => room.receive(said(seq, fields) as unknown as LogEvent);
  return { room, asked, quoted, receive };
}

test('what is answered and not shown is asked for once, all in one request', async () => {
  const { room, asked, quoted, receive } = await started((names) => Promise.resolve(names.some((n) => n.id === 'm5') ? [said(5)] : []));
  await vi.waitFor(() => expect(room.log.quotes.size).toBe(2));
  expect(asked).toEqual([[{ id: 'm5', user: 'bo' }, { id: 'none' }]]);
  expect(quoted('bo/m5')).toMatchObject({ seq: 5, text: 'text 5' });
  expect(quoted('/none')).toBeUndefined();
  // What arrives live asks for its own.
  receive(111, { reply_to: 'm5', reply_author: 'bo' });
  receive(112, { reply_to: 'm7', reply_author: 'bo' });
  await vi.waitFor(() => expect(room.log.quotes.size).toBe(3));
  expect(asked).toHaveLength(2);
  expect(asked[1]).toEqual([{ id: 'm7', user: 'bo' }]);
});

test('a quote changes with its message, also when that changes while it is asked for', async () => {
  let give: (found: readonly HistoryMessage[]) => void = () => undefined;
  const { room, quoted, receive } = await started(() => new Promise((resolve) => (give = resolve)));
  receive(111, { type: 'edited', target: 'm5', author: 'bo', text: 'new', ts: 111 });
  give([said(5)]);
  await vi.waitFor(() => expect(quoted('bo/m5')?.text).toBe('new'));
  receive(112, { type: 'edited', target: 'm5', author: 'bo', text: 'newer', ts: 112 });
  expect(quoted('bo/m5')).toMatchObject({ text: 'newer', editedTs: 112 });
  receive(113, { type: 'deleted', target: 'm5', author: 'bo' });
  expect(quoted('bo/m5')).toMatchObject({ text: '', deleted: true });
  room.log.reset(0);
  expect(room.log.quotes.size).toBe(0);
});

test('what cannot be asked now is asked again, and a server that knows no quotes is not', async () => {
  vi.useFakeTimers();
  let tries = 0;
  const first = await started(() => (++tries === 1 ? Promise.reject(new HubbubError('unavailable', 'away')) : Promise.resolve([said(5)])));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(tries).toBe(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(first.quoted('bo/m5')?.text).toBe('text 5');
  const second = await started(() => Promise.reject(new HubbubError('not_found', 'no such route')));
  second.receive(111, { reply_to: 'm9', reply_author: 'bo' });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(second.asked).toHaveLength(1);
});
