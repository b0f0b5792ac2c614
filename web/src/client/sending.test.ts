import { afterEach, describe, expect, test, vi } from 'vitest';
import { entry, Harness } from '../../test/harness.ts';
import type { Said } from '../../test/scripted.ts';
import { until } from '../../test/surroundings.ts';

let h: Harness;
afterEach(() => {
  h.stop();
  vi.useRealTimers();
});

const outgoing = () => h.client.outbox.list('lobby').map((m) => `${m.text}:${m.state}`);
const ack = (said: Said, seq: number) => ({ type: 'ack', room: 'lobby', msg_id: said['msg_id'], seq, ts: 1 });
const turn = () => new Promise((resolve) => setTimeout(resolve));
const echo = (said: Said, seq: number, prev: number) => entry(seq, prev, { id: said['msg_id'], user: 'ada', name: 'Ada', text: said['text'] });

describe('sending', () => {
  test('goes from sending to sent to the log, whichever of ack and msg comes first', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'one');
    expect(outgoing()).toEqual(['one:sending']);
    const one = await peer.next('send');
    peer.reply(one, ack(one, 10));
    await until(() => outgoing()[0] === 'one:sent');
    peer.send(echo(one, 10, 0));
    await until(() => h.ids().length === 1);
    expect(outgoing()).toEqual([]);
    h.client.send('lobby', 'two');
    const two = await peer.next('send');
    peer.send(echo(two, 20, 10));
    peer.reply(two, ack(two, 20));
    await until(() => h.ids().length === 2);
    expect(outgoing()).toEqual([]);
  });

  test('keeps one in flight per room', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'one');
    h.client.send('lobby', 'two');
    const one = await peer.next('send');
    h.client.setStatus('dnd');
    await peer.next('status'); // and not a second send before it
    peer.reply(one, ack(one, 10));
    expect((await peer.next('send'))['text']).toBe('two');
  });

  test('what the log got before the line was cut is not sent again; the rest goes under the same id', async () => {
    h = Harness.start();
    const first = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'stored');
    const stored = await first.next('send');
    h.client.send('lobby', 'waiting');
    const waiting = h.client.outbox.list('lobby')[1]!.id;
    first.cut();
    await until(() => !h.live);
    h.client.send('lobby', 'typed while away');
    const second = await h.server.peer();
    await second.welcome();
    const join = await second.next('join');
    second.send(echo(stored, 10, 0));
    second.reply(join, { type: 'joined', room: 'lobby', seq: 10 });
    const again = await second.next('send');
    expect(again).toMatchObject({ text: 'waiting', msg_id: waiting });
    second.reply(again, ack(again, 20));
    expect(await second.next('send')).toMatchObject({ text: 'typed while away' });
    expect(h.ids()).toEqual([stored['msg_id']]);
  });

  test('what was acknowledged by a log that was taken back is sent again under the same id', async () => {
    h = Harness.start();
    const first = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'one');
    const one = await first.next('send');
    first.reply(one, ack(one, 10));
    await until(() => outgoing()[0] === 'one:sent');
    first.cut();
    await until(() => !h.live);
    const second = await h.server.peer();
    await second.welcome();
    second.reply(await second.next('join'), { type: 'joined', room: 'lobby', seq: 0 });
    const again = await second.next('send');
    expect(again).toMatchObject({ msg_id: one['msg_id'], text: 'one' });
    second.reply(again, ack(again, 7));
    second.send(echo(again, 7, 0));
    await until(() => outgoing().length === 0);
    expect(h.ids()).toEqual([one['msg_id']]);
  });

  test('a refusal fails the message, lets the next pass, and can be tried again', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'bad');
    h.client.send('lobby', 'good');
    const bad = await peer.next('send');
    peer.reply(bad, { type: 'error', code: 'too_large', message: 'too long' });
    const good = await peer.next('send');
    peer.reply(good, ack(good, 10));
    await until(() => outgoing().includes('good:sent'));
    expect(h.client.outbox.list('lobby')[0]).toMatchObject({ text: 'bad', state: 'failed', error: 'Too long.', code: 'too_large' });
    h.client.outbox.retry('lobby', String(bad['msg_id']));
    expect(await peer.next('send')).toMatchObject({ msg_id: bad['msg_id'], text: 'bad' });
  });

  test('waits and tries again where the server says that it helps', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'one');
    h.client.send('lobby', 'two');
    peer.reply(await peer.next('send'), { type: 'error', code: 'unavailable', message: 'later', retry_after_ms: 5 });
    expect(await peer.next('send')).toMatchObject({ text: 'one' });
    expect(outgoing()).toEqual(['one:sending', 'two:sending']);
  });

  test('a message that was told to wait is waited for, also by those after it', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'one');
    peer.reply(await peer.next('send'), { type: 'error', code: 'rate_limited', message: 'later', retry_after_ms: 20_000 });
    await turn(); // the answer is taken in
    h.client.send('lobby', 'two');
    await turn();
    expect(peer.unread).toEqual([]);
    expect(outgoing()).toEqual(['one:sending', 'two:sending']);
  });

  test('a message that outlasted a reload is settled by history, or sent', async () => {
    const message = (id: string) => ({ room: 'lobby', id, text: id, ts: 1, state: 'sending' as const });
    h = Harness.start({ outgoing: [message('stored'), message('lost')] });
    const peer = await h.lobby([entry(10, 0, { id: 'stored', user: 'ada' })]);
    expect(await peer.next('send')).toMatchObject({ msg_id: 'lost' });
    expect(h.outgoing.map((m) => m.id)).toEqual(['lost']);
  });

  test('every attempt that is not the first says so, however long ago that was', async () => {
    const message = (id: string, tried?: number) => ({ room: 'lobby', id, text: id, ts: 1, state: 'sending' as const, ...(tried && { tried }) });
    const now = Date.now();
    h = Harness.start({ outgoing: [message('stored', now - 130_000), message('old', now - 130_000), message('tried')] });
    const peer = await h.lobby([entry(10, 0, { id: 'stored', user: 'ada' })]);
    const old = await peer.next('send');
    expect(old).toMatchObject({ msg_id: 'old', retry: true });
    peer.reply(old, ack(old, 5)); // the log had it
    const tried = await peer.next('send');
    expect(tried).toMatchObject({ msg_id: 'tried', retry: true });
    peer.reply(tried, ack(tried, 20));
    h.client.send('lobby', 'new');
    const first = await peer.next('send');
    expect(first).toMatchObject({ text: 'new' });
    expect(first).not.toHaveProperty('retry');
    expect(h.outgoing.find((m) => m.text === 'new')?.tried).toBeGreaterThanOrEqual(now); // before it was sent
    peer.reply(first, { type: 'error', code: 'unavailable', message: 'later', retry_after_ms: 5 });
    expect(await peer.next('send')).toMatchObject({ text: 'new', retry: true });
    expect(outgoing()).toEqual(['tried:sent', 'new:sending']);
  });

  test.each([
    ['unavailable', true],
    ['internal', true],
    ['rate_limited', false],
    ['too_many', false],
    ['forbidden', false],
    ['not_joined', false],
  ])('the attempt after one that was refused as %s is marked: %s', async (code, marked) => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'one');
    const first = await peer.next('send');
    expect(first).not.toHaveProperty('retry');
    const refuse = async (said: Said) => {
      peer.reply(said, { type: 'error', code, message: 'no', ...(code !== 'forbidden' && { retry_after_ms: 5 }) });
      if (code === 'not_joined') peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 0 });
      if (code !== 'forbidden') return;
      await until(() => outgoing().join() === 'one:failed');
      h.client.outbox.retry('lobby', String(said['msg_id']));
    };
    await refuse(first);
    const second = await peer.next('send');
    expect(second['retry']).toBe(marked || undefined);
    await refuse(second);
    expect((await peer.next('send'))['retry']).toBe(marked || undefined);
  });

  test('what got no answer is marked on the next connection, also once that has refused it for certain', async () => {
    h = Harness.start();
    const first = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'one');
    await first.next('send');
    first.cut();
    await until(() => !h.live);
    const second = await h.server.peer();
    await second.welcome();
    second.reply(await second.next('join'), { type: 'joined', room: 'lobby', seq: 0 });
    const again = await second.next('send');
    expect(again).toMatchObject({ text: 'one', retry: true });
    second.reply(again, { type: 'error', code: 'rate_limited', message: 'slow down', retry_after_ms: 5 });
    expect(await second.next('send')).toMatchObject({ text: 'one', retry: true });
  });

  test('a command is answered and leaves nothing behind', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    const notices: string[] = [];
    h.client.on('notice', (n) => notices.push(n.text));
    h.client.send('lobby', '/list-users');
    const said = await peer.next('send');
    peer.send({ type: 'notice', room: 'lobby', code: 'users', text: 'Ada, Bo' });
    peer.reply(said, { type: 'ack', msg_id: said['msg_id'], room: 'lobby' });
    await until(() => outgoing().length === 0);
    expect(notices).toEqual(['Ada, Bo']);
  });

  test('a socket that is not in the room any more joins again and sends', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    h.client.send('lobby', 'one');
    peer.reply(await peer.next('send'), { type: 'error', code: 'not_joined', message: 'join first' });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 0 });
    expect(await peer.next('send')).toMatchObject({ text: 'one' });
  });
});
