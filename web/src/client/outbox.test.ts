import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Surroundings } from '../../test/surroundings.ts';
import { ConnectionLost, HubbubError } from './errors.ts';
import { Outbox, type Outgoing } from './outbox.ts';
import type { AckEvent, Command } from './protocol.ts';

type Send = Extract<Command, { type: 'send' }>;
interface Attempt {
  readonly said: Send;
  ack(seq?: number): Promise<void>;
  fail(err: Error): Promise<void>;
}

let attempts: Attempt[];
let stored: readonly Outgoing[];
let leave: (left: Outgoing[]) => void;
let live: boolean;
let heardThrough: number;
let notJoined: string[];
let changes: string[];

/** An outbox whose server the test is. */
function open(load: Outgoing[] = []): Outbox {
  const outbox = new Outbox({
    send: (said) => new Promise<AckEvent>((resolve, reject) => {
      const after = async (f: () => void) => {
        f();
        await vi.advanceTimersByTimeAsync(0);
      };
      attempts.push({
        said,
        ack: (seq) => after(() => resolve({ type: 'ack', room: said.room, msg_id: said.msg_id, ...(seq !== undefined && { seq }), ts: 1 } as AckEvent)),
        fail: (err) => after(() => reject(err)),
      });
    }),
    ready: () => live,
    heard: (_, seq) => seq <= heardThrough,
    notJoined: (room) => notJoined.push(room),
    environment: new Surroundings(),
    store: { load: () => load, save: (outgoing) => (stored = outgoing), adopt: (take) => (leave = take) },
  });
  outbox.on('change', (room) => changes.push(room));
  return outbox;
}

beforeEach(() => {
  vi.useFakeTimers();
  attempts = [];
  stored = [];
  live = true;
  heardThrough = 0;
  notJoined = [];
  changes = [];
});
afterEach(() => vi.useRealTimers());

const said = () => attempts.map((a) => a.said.text);
const states = (outbox: Outbox, room = 'r') => outbox.list(room).map((m) => `${m.text}:${m.state}`);
const busy = (wait: number) => new HubbubError('unavailable', 'try again', wait);

test('what a closed tab has left is sent once, under its id and as a further attempt, at its place', async () => {
  live = false;
  const outbox = open();
  const mine = outbox.add('r', 'later');
  const left: Outgoing = { room: 'r', id: 'left', text: 'earlier', ts: mine.ts - 1, state: 'sending' };
  leave([left, { ...left, id: mine.id }, { ...left, id: 'failed', text: 'refused', state: 'failed', error: 'no' }]);
  expect(states(outbox)).toEqual(['earlier:sending', 'refused:failed', 'later:sending']);
  expect(stored.map((m) => m.id)).toEqual(['left', 'failed', mine.id]);
  live = true;
  outbox.resendAll('r');
  await attempts[0]!.ack(1);
  await attempts[1]!.ack(2);
  expect(attempts.map((a) => [a.said.msg_id, a.said.retry])).toEqual([['left', true], [mine.id, undefined]]);
});

describe('order', () => {
  test('one of a room is under way at a time, and the next goes when it is acknowledged', async () => {
    const outbox = open();
    for (const text of ['1', '2', '3']) outbox.add('r', text);
    outbox.add('other', 'a');
    outbox.flush('r');
    expect(said()).toEqual(['1', 'a']);
    await attempts[0]!.ack(10);
    expect(said()).toEqual(['1', 'a', '2']);
    expect(states(outbox)).toEqual(['1:sent', '2:sending', '3:sending']);
  });

  test('nothing goes while the room is not ready', async () => {
    live = false;
    const outbox = open();
    outbox.add('r', '1');
    outbox.add('r', '2');
    expect(said()).toEqual([]);
    live = true;
    outbox.flush('r');
    live = false;
    await attempts[0]!.ack(10);
    expect(said()).toEqual(['1']);
  });

  test('what is tried again by the user goes behind what waits, without its error', async () => {
    const outbox = open();
    outbox.add('r', '1');
    outbox.add('r', '2');
    outbox.add('r', '3');
    await attempts[0]!.fail(new HubbubError('too_long', 'it is too long'));
    expect(states(outbox)).toEqual(['1:failed', '2:sending', '3:sending']);
    expect(outbox.list('r')[0]!.error).toBe('It is too long.');
    outbox.retry('r', outbox.list('r')[1]!.id); // which has not failed
    expect(states(outbox)).toEqual(['1:failed', '2:sending', '3:sending']);
    outbox.retry('r', outbox.list('r')[0]!.id);
    expect(states(outbox)).toEqual(['2:sending', '3:sending', '1:sending']);
    expect(outbox.list('r')[2]!.error).toBeUndefined();
    await attempts[1]!.ack(10);
    await attempts[2]!.ack(20);
    expect(said()).toEqual(['1', '2', '3', '1']);
  });
});

describe('what may be in the log', () => {
  test('a first attempt says nothing of others, and each after it does', async () => {
    const outbox = open();
    const { id } = outbox.add('r', '1', { id: 'm0', user: 'bo' });
    expect(attempts[0]!.said).toEqual({ type: 'send', room: 'r', msg_id: id, text: '1', reply_to: 'm0', reply_author: 'bo' });
    await attempts[0]!.fail(busy(1_000));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(attempts[1]!.said).toEqual({ type: 'send', room: 'r', msg_id: id, text: '1', reply_to: 'm0', reply_author: 'bo', retry: true });
  });

  test('a refusal is certain: what was refused is not in the log', async () => {
    const outbox = open();
    const { id } = outbox.add('r', '1');
    await attempts[0]!.fail(new HubbubError('rate_limited', 'slower', 1_000));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(attempts[1]!.said).toEqual({ type: 'send', room: 'r', msg_id: id, text: '1' });
  });

  test('what another page has left may be there', () => {
    const m: Outgoing = { room: 'r', id: 'x', text: '1', ts: 7, state: 'sending' };
    const outbox = open([m, { ...m, id: 'y', tried: 9 }]);
    expect(outbox.list('r').map((o) => o.tried)).toEqual([7, 9]);
    outbox.flush('r');
    expect(attempts[0]!.said).toMatchObject({ msg_id: 'x', retry: true });
  });

  test.each([
    ['a command, which has no place', undefined, []],
    ['a place that was heard', 10, []],
    ['a place that is still to come', 20, ['1:sent']],
  ])('acknowledged is %s', async (_, seq, left) => {
    heardThrough = 10;
    const outbox = open();
    outbox.add('r', '1');
    await attempts[0]!.ack(seq);
    expect(states(outbox)).toEqual(left);
  });

  test('what the log has passed without showing it is sent again, and nothing else', async () => {
    const outbox = open();
    outbox.add('r', '1');
    outbox.add('r', '2');
    await attempts[0]!.ack(10);
    await attempts[1]!.ack(20);
    outbox.resendMissing('r');
    expect(states(outbox)).toEqual(['1:sent', '2:sent']);
    heardThrough = 10;
    outbox.resendMissing('r');
    expect(states(outbox)).toEqual(['1:sending', '2:sent']);
    expect(outbox.list('r')[0]!.seq).toBeUndefined();
    expect(attempts[2]!.said).toMatchObject({ text: '1', retry: true });
  });

  test('of a log that was taken back, what was acknowledged goes again, and what failed does not', async () => {
    const outbox = open();
    outbox.add('r', '1');
    outbox.add('r', '2');
    await attempts[0]!.fail(new HubbubError('too_long', 'too long'));
    await attempts[1]!.ack(20);
    outbox.resendAll('r');
    expect(states(outbox)).toEqual(['1:failed', '2:sending']);
    expect(said()).toEqual(['1', '2', '2']);
  });
});

describe('patience', () => {
  test('an error is obeyed that says when to try again, and not before, whatever is flushed', async () => {
    const outbox = open();
    outbox.add('r', '1');
    await attempts[0]!.fail(busy(2_000));
    outbox.add('r', '2');
    outbox.flush('r');
    await vi.advanceTimersByTimeAsync(1_999);
    expect(said()).toEqual(['1']);
    await vi.advanceTimersByTimeAsync(1);
    expect(said()).toEqual(['1', '1']);
  });

  test('with no time to wait it is tried again in a moment', async () => {
    const outbox = open();
    outbox.add('r', '1');
    await attempts[0]!.fail(busy(0));
    await vi.advanceTimersByTimeAsync(49);
    expect(said()).toEqual(['1']);
    await vi.advanceTimersByTimeAsync(1);
    expect(said()).toEqual(['1', '1']);
  });

  test('it ends a minute after the first attempt, and begins anew when the user tries again', async () => {
    const outbox = open();
    const { id } = outbox.add('r', '1');
    for (const n of [0, 1]) {
      await attempts[n]!.fail(busy(30_000));
      await vi.advanceTimersByTimeAsync(30_000);
    }
    expect(states(outbox)).toEqual(['1:failed']);
    outbox.retry('r', id);
    await attempts.at(-1)!.fail(busy(30_000));
    expect(states(outbox)).toEqual(['1:sending']);
  });

  test('of what was acknowledged and goes again, it begins with that', async () => {
    const outbox = open();
    outbox.add('r', '1');
    await attempts[0]!.ack(10);
    await vi.advanceTimersByTimeAsync(50_000);
    outbox.resendAll('r');
    await attempts[1]!.fail(busy(30_000));
    expect(states(outbox)).toEqual(['1:sending']);
  });

  test('of what waits while there is no connection, it begins with the next one', async () => {
    const outbox = open();
    outbox.add('r', '1');
    await attempts[0]!.fail(busy(10_000));
    outbox.pause();
    await vi.advanceTimersByTimeAsync(55_000);
    expect(said()).toEqual(['1']); // nothing was tried meanwhile
    outbox.flush('r');
    await attempts[1]!.fail(busy(10_000));
    expect(states(outbox)).toEqual(['1:sending']);
  });
});

describe('a connection that is gone', () => {
  test('what was under way goes once on the next one, however late its end is heard', async () => {
    const outbox = open();
    outbox.add('r', '1');
    outbox.add('r', '2');
    outbox.pause();
    outbox.flush('r');
    expect(said()).toEqual(['1', '1']);
    await attempts[0]!.fail(new ConnectionLost());
    outbox.flush('r');
    expect(said()).toEqual(['1', '1']);
    expect(states(outbox)).toEqual(['1:sending', '2:sending']);
  });

  test('an answer that still comes counts, and sends nothing by itself', async () => {
    const outbox = open();
    outbox.add('r', '1');
    outbox.add('r', '2');
    outbox.pause();
    await attempts[0]!.ack(10);
    expect(states(outbox)).toEqual(['1:sent', '2:sending']);
    expect(said()).toEqual(['1']);
  });

  test('an error that still comes fails nothing', async () => {
    const outbox = open();
    outbox.add('r', '1');
    outbox.pause();
    await attempts[0]!.fail(new HubbubError('too_long', 'too long'));
    expect(states(outbox)).toEqual(['1:sending']);
  });

  test('a room that the server does not know the socket in is said, and the message stays', async () => {
    const outbox = open();
    outbox.add('r', '1');
    await attempts[0]!.fail(new HubbubError('not_joined', 'join first'));
    expect(notJoined).toEqual(['r']);
    expect(states(outbox)).toEqual(['1:sending']);
    expect(said()).toEqual(['1']);
  });
});

describe('what outlasts a reload', () => {
  test('is what the log does not have, also what has failed', async () => {
    const outbox = open();
    outbox.add('r', '1');
    outbox.add('r', '2');
    outbox.add('r', '3');
    await attempts[0]!.ack(10);
    await attempts[1]!.fail(new HubbubError('too_long', 'too long'));
    expect(stored.map((m) => `${m.text}:${m.state}`)).toEqual(['2:failed', '3:sending']);
    expect(outbox.waiting).toBe(true);
    await attempts[2]!.ack(20);
    outbox.remove('r', outbox.list('r')[1]!.id);
    expect(stored).toEqual([]);
    expect(outbox.waiting).toBe(false);
  });

  test('is nothing after it was cleared, which is told', async () => {
    const outbox = open();
    outbox.add('r', '1');
    await attempts[0]!.fail(busy(1_000));
    changes.length = 0;
    outbox.clear();
    expect([stored, outbox.list('r'), changes]).toEqual([[], [], ['r']]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(said()).toEqual(['1']);
  });

  test('nothing is told of a message that is not here', () => {
    const outbox = open();
    outbox.remove('r', 'none');
    expect(changes).toEqual([]);
  });
});
