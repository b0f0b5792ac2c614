import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConnectionLost, HubbubError } from './errors.ts';
import type { Command } from './protocol.ts';
import { Watches } from './watches.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches of which a test says what the server answers; what they do is noted in order. */
function watching(answer: (command: Command) => unknown = () => ({})) {
  const did: string[] = [];
  const said = (c: Command) => `${c.type}${'on' in c ? ` ${c.on}` : ''}${'next' in c ? ` from ${c.next}` : ''} ${'room' in c ? c.room : ''}`;
  const w = new Watches({
    request: async (command) => {
      did.push(said(command));
      return (await answer(command)) as never;
    },
    tell: (command) => did.push(`tell ${said(command)}`),
    asked: (room) => did.push(`asked ${room}`),
    listed: (_, from) => did.push(`listed from ${from}`),
    unwatched: (room) => did.push(`unwatched ${room}`),
  });
  const done = async () => {
    await vi.advanceTimersByTimeAsync(0);
    return did.splice(0);
  };
  return { w, done };
}

test('a room is watched before it is asked who is there, and no more when it is not wanted', async () => {
  const { w, done } = watching();
  w.set(new Set(['a']));
  expect(await done()).toEqual(['watch true a', 'asked a', 'who a', 'listed from undefined']);
  w.set(new Set(['a', 'b']));
  expect(await done()).toEqual(['watch true b', 'asked b', 'who b', 'listed from undefined']);
  w.set(new Set(['b']));
  expect(await done()).toEqual(['unwatched a', 'tell watch false a']);
  expect([w.has('a'), w.has('b')]).toEqual([false, true]);
  w.forget('b'); // the server knows
  expect(await done()).toEqual(['unwatched b']);
  expect(w.has('b')).toBe(false);
});

test('what is answered to a connection that is gone, or for a room that is not watched any more, is nothing', async () => {
  let answer!: (who: unknown) => void;
  const { w, done } = watching((c) => (c.type === 'who' ? new Promise((resolve) => (answer = resolve)) : {}));
  w.set(new Set(['a']));
  await done();
  w.lost();
  answer({});
  expect(await done()).toEqual([]);
  w.set(new Set(['a'])); // on the next connection
  expect(await done()).toEqual(['watch true a', 'asked a', 'who a']);
  w.forget('a');
  answer({});
  expect(await done()).toEqual(['unwatched a']);
});

test('it is tried again when the server says, not before, and not on another connection', async () => {
  let away = 2;
  const { w, done } = watching((c) => {
    if (c.type === 'watch' && away-- > 0) throw new HubbubError('unavailable', 'away', 1_000);
    return {};
  });
  w.set(new Set(['a']));
  expect(await done()).toEqual(['watch true a']);
  await vi.advanceTimersByTimeAsync(999);
  expect(await done()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_001);
  expect(await done()).toEqual(['watch true a', 'watch true a', 'asked a', 'who a', 'listed from undefined']);
  away = 1;
  w.set(new Set(['a', 'b']));
  expect(await done()).toEqual(['watch true b']);
  w.lost();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await done()).toEqual([]);
});

test('a room that the server refuses may be asked for later, one whose connection is gone stays wanted until that is told', async () => {
  let failure: Error = new HubbubError('forbidden', 'no');
  const { w, done } = watching(() => {
    throw failure;
  });
  w.set(new Set(['a']));
  await done();
  expect(w.has('a')).toBe(false);
  failure = new ConnectionLost();
  w.set(new Set(['a']));
  expect(await done()).toEqual(['watch true a']);
  expect(w.has('a')).toBe(true);
  w.lost();
  expect(w.has('a')).toBe(false);
});

test('more of a list is asked for once at a time, from where it goes on', async () => {
  let answer!: (who: unknown) => void;
  let hold = false;
  const { w, done } = watching((c) => (c.type === 'who' && hold ? new Promise((resolve) => (answer = resolve)) : {}));
  w.set(new Set(['a']));
  await done();
  hold = true;
  void w.list('a', 'x');
  void w.list('a', 'y');
  expect(await done()).toEqual(['asked a', 'who from x a']);
  answer({});
  expect(await done()).toEqual(['listed from x']);
  void w.list('a', undefined);
  expect(await done()).toEqual(['asked a', 'who a']);
  w.lost();
  w.set(new Set(['a']));
  answer({}); // of the connection before: who asked for the room anew waits for its own
  expect((await done()).filter((d) => d.startsWith('listed'))).toEqual([]);
});
