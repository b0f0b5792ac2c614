import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { entry, Harness, lobby } from '../../test/harness.ts';
import type { Peer, Said } from '../../test/scripted.ts';
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

describe('joining and resuming', () => {
  test('starts with a page of history and joins after its newest message', async () => {
    h = Harness.start();
    const peer = await h.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(10, 0), entry(20, 10)], more: true });
    const join = await peer.next('join');
    expect(join['after']).toEqual({ seq: 20, id: 'm20' });
    // What history had not stored yet comes with the join.
    peer.send(entry(30, 20));
    peer.reply(join, { type: 'joined', room: 'lobby', seq: 30 });
    peer.send(entry(40, 30));
    await until(() => h.ids().length === 4);
    expect(h.ids()).toEqual(['m10', 'm20', 'm30', 'm40']);
    expect(h.client.rooms.get('lobby')?.hasOlder).toBe(true);
  });

  test('resumes after the last event, and shows what it has once', async () => {
    h = Harness.start();
    const first = await h.lobby([entry(10, 0)]);
    first.send(entry(20, 10), entry(30, 20, { type: 'reacted', id: 'c30', target: 'm10', emoji: '👍', on: true }));
    await until(() => h.client.rooms.get('lobby')?.log.position?.seq === 30);
    first.cut();
    const second = await h.server.peer();
    await second.welcome();
    const join = await second.next('join');
    expect(join['after']).toEqual({ seq: 30, id: 'c30' });
    second.send(entry(20, 10), entry(40, 30));
    second.reply(join, { type: 'joined', room: 'lobby', seq: 40 });
    await until(() => h.live);
    expect(h.ids()).toEqual(['m10', 'm20', 'm40']);
  });

  test('what is said in a room without a message while the line is down comes with the next join', async () => {
    h = Harness.start();
    const first = await h.lobby([]);
    await until(() => h.live);
    first.cut();
    const second = await h.server.peer();
    await second.welcome();
    const join = await second.next('join');
    expect(join['after']).toEqual({ seq: 0 });
    second.send(entry(10, 0));
    second.reply(join, { type: 'joined', room: 'lobby', seq: 10 });
    await until(() => h.live);
    expect(h.ids()).toEqual(['m10']);
  });

  test('what is said between an empty page and the first join comes with that', async () => {
    h = Harness.start();
    const peer = await h.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [], more: false });
    expect((await peer.next('join'))['after']).toEqual({ seq: 0 });
  });

  test('what is said after a rewind while the line is down comes with the next join', async () => {
    h = Harness.start();
    const first = await h.lobby([entry(20, 10)]);
    await until(() => h.live);
    first.send({ type: 'joined', room: 'lobby', seq: 15, rewind: true });
    first.reply(await first.next('join'), { type: 'joined', room: 'lobby', seq: 15, rewind: true });
    first.reply(await first.next('history'), { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: false });
    await until(() => h.ids().join() === 'm10');
    first.cut();
    const second = await h.server.peer();
    await second.welcome();
    const join = await second.next('join');
    expect(join['after']).toEqual({ seq: 15 });
    second.send(entry(30, 15));
    second.reply(join, { type: 'joined', room: 'lobby', seq: 30 });
    await until(() => h.live);
    expect(h.ids()).toEqual(['m10', 'm30']);
  });

  test('what came of a replay stays when the line breaks in it', async () => {
    h = Harness.start();
    const first = await h.lobby([entry(10, 0)]);
    await until(() => h.live);
    first.cut();
    const second = await h.server.peer();
    await second.welcome();
    await second.next('join');
    second.send(entry(20, 10), entry(30, 20), entry(50, 40)); // the last is live already, and does not follow
    second.close(1012);
    const third = await h.server.peer();
    await third.welcome();
    const join = await third.next('join');
    expect(join['after']).toEqual({ seq: 30, id: 'm30' });
    expect(h.ids()).toEqual(['m10', 'm20', 'm30']);
    third.send(entry(40, 30), entry(50, 40));
    third.reply(join, { type: 'joined', room: 'lobby', seq: 50 });
    await until(() => h.live);
    expect(h.ids()).toEqual(['m10', 'm20', 'm30', 'm40', 'm50']);
  });

  test('goes on joining while there is more', async () => {
    h = Harness.start();
    const peer = await h.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: false });
    const first = await peer.next('join');
    peer.send(entry(20, 10), entry(30, 20));
    peer.reply(first, { type: 'joined', room: 'lobby', seq: 30, more: true });
    const second = await peer.next('join');
    expect(second['after']).toEqual({ seq: 30, id: 'm30' });
    expect(h.live).toBe(false);
    peer.send(entry(40, 30));
    peer.reply(second, { type: 'joined', room: 'lobby', seq: 40 });
    await until(() => h.live);
    expect(h.ids()).toEqual(['m10', 'm20', 'm30', 'm40']);
  });

  test('fills a gap by joining again, and shows nothing out of order', async () => {
    h = Harness.start();
    const peer = await h.lobby([entry(10, 0)]);
    await until(() => h.live);
    const shown: string[][] = [];
    h.client.on('room', () => shown.push(h.ids()));
    peer.send(entry(30, 20), entry(40, 30));
    const join = await peer.next('join');
    expect(join['after']).toEqual({ seq: 10, id: 'm10' });
    peer.send(entry(20, 10), entry(30, 20), entry(40, 30), entry(50, 40));
    peer.reply(join, { type: 'joined', room: 'lobby', seq: 40 });
    await until(() => h.ids().length === 5);
    expect(h.ids()).toEqual(['m10', 'm20', 'm30', 'm40', 'm50']);
    for (const ids of shown) expect(ids).toEqual(['m10', 'm20', 'm30', 'm40', 'm50'].slice(0, ids.length));
  });

  test('a gap that shows during a join is filled, too', async () => {
    h = Harness.start();
    const peer = await h.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: false });
    const first = await peer.next('join');
    peer.send(entry(30, 20));
    peer.reply(first, { type: 'joined', room: 'lobby', seq: 10 });
    const second = await peer.next('join');
    peer.send(entry(20, 10), entry(30, 20));
    peer.reply(second, { type: 'joined', room: 'lobby', seq: 30 });
    await until(() => h.live);
    expect(h.ids()).toEqual(['m10', 'm20', 'm30']);
  });

  test('a replay that more was said during than is held goes on where it was cut', async () => {
    h = Harness.start();
    const peer = await h.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: false });
    const first = await peer.next('join');
    peer.send(entry(20, 10), ...Array.from({ length: 5_000 }, (_, i) => entry(1_001 + i, 1_000 + i)), entry(30, 20));
    peer.reply(first, { type: 'joined', room: 'lobby', seq: 30 });
    const second = await peer.next('join');
    expect(second['after']).toEqual({ seq: 20, id: 'm20' });
    peer.send(entry(30, 20), entry(40, 30));
    peer.reply(second, { type: 'joined', room: 'lobby', seq: 40 });
    await until(() => h.live);
    expect(h.ids()).toEqual(['m10', 'm20', 'm30', 'm40']);
  });

  test('a rewind drops what was there and starts with a page', async () => {
    h = Harness.start();
    const first = await h.lobby([entry(10, 0), entry(20, 10)]);
    await until(() => h.live);
    first.cut();
    const second = await h.server.peer();
    await second.welcome();
    second.reply(await second.next('join'), { type: 'joined', room: 'lobby', seq: 15, rewind: true });
    const page = await second.next('history');
    second.send(entry(18, 15));
    second.reply(page, { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: false });
    await until(() => h.live && h.ids().length === 2);
    expect(h.ids()).toEqual(['m10', 'm18']);
  });

  test('a rewind that is told unasked does the same', async () => {
    h = Harness.start();
    const peer = await h.lobby([entry(10, 0), entry(20, 10)]);
    await until(() => h.live);
    peer.send({ type: 'joined', room: 'lobby', seq: 15, rewind: true });
    const join = await peer.next('join');
    expect(join['after']).toEqual({ seq: 20, id: 'm20' });
    peer.reply(join, { type: 'joined', room: 'lobby', seq: 15, rewind: true });
    const page = await peer.next('history');
    peer.send(entry(30, 15));
    peer.reply(page, { type: 'history', room: 'lobby', messages: [entry(10, 0), entry(15, 10)], more: false });
    await until(() => h.ids().length === 3);
    expect(h.ids()).toEqual(['m10', 'm15', 'm30']);
  });

  test('with history down it talks, and loads the page when asked again', async () => {
    h = Harness.start();
    const peer = await h.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'error', code: 'unavailable', message: 'down', retry_after_ms: 1 });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 20 });
    peer.send(entry(30, 20));
    await until(() => h.ids().length === 1);
    expect(h.client.rooms.get('lobby')?.history).toBe('failed');
    const older = h.client.rooms.get('lobby')!.older();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: false });
    const join = await peer.next('join');
    expect(join['after']).toEqual({ seq: 10, id: 'm10' });
    peer.send(entry(20, 10), entry(30, 20));
    peer.reply(join, { type: 'joined', room: 'lobby', seq: 30 });
    await older;
    expect(h.ids()).toEqual(['m10', 'm20', 'm30']);
  });

  test('with history down the page is asked for again by itself, and less and less often', async () => {
    vi.useFakeTimers();
    h = Harness.start();
    const peer = await h.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'error', code: 'unavailable', message: 'down', retry_after_ms: 1 });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 20 });
    await until(() => h.live);
    for (const wait of [3_000, 6_000]) {
      await vi.advanceTimersByTimeAsync(wait - 1);
      expect(peer.unread).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      peer.reply(await peer.next('history'), { type: 'error', code: 'unavailable', message: 'down', retry_after_ms: 1 });
      peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 20 });
      await until(() => h.live);
    }
    await vi.advanceTimersByTimeAsync(12_000);
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(20, 0)], more: false });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 20 });
    await until(() => h.live && h.ids().length === 1);
  });

  test('waits as long as a rate limit says', async () => {
    h = Harness.start();
    const peer = await h.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [], more: false });
    peer.reply(await peer.next('join'), { type: 'error', code: 'rate_limited', message: 'slower', retry_after_ms: 5 });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 0 });
    await until(() => h.live);
  });

  test('pages back without repeats', async () => {
    h = Harness.start();
    const peer = await h.lobby([entry(30, 20)], true);
    await until(() => h.live);
    const older = h.client.rooms.get('lobby')!.older();
    const said = await peer.next('history');
    expect(said).toMatchObject({ before: 30 });
    peer.reply(said, { type: 'history', room: 'lobby', messages: [entry(10, 0), entry(20, 10)], more: false });
    await older;
    expect(h.ids()).toEqual(['m10', 'm20', 'm30']);
    expect(h.client.rooms.get('lobby')?.hasOlder).toBe(false);
  });
});

describe('an older page that comes when the log is another', () => {
  let peer: Peer;
  let older: Promise<void>;
  let page: Said;
  beforeEach(async () => {
    h = Harness.start();
    peer = await h.lobby([entry(30, 20), entry(40, 30)], true);
    await until(() => h.live);
    older = h.client.rooms.get('lobby')!.older();
    page = await peer.next('history');
    expect(page).toMatchObject({ before: 30 });
    peer.send({ type: 'joined', room: 'lobby', seq: 15, rewind: true });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 15, rewind: true });
  });
  const answer = () => peer.reply(page, { type: 'history', room: 'lobby', messages: [entry(10, 0, { id: 'gone' }), entry(20, 10)], more: false });

  test('before there is a message in it is dropped', async () => {
    const first = await peer.next('history');
    answer();
    await older;
    expect(h.ids()).toEqual([]);
    peer.reply(first, { type: 'history', room: 'lobby', messages: [entry(10, 0), entry(15, 10)], more: true });
    await until(() => h.ids().length > 0);
    expect(h.ids()).toEqual(['m10', 'm15']);
    expect(h.client.rooms.get('lobby')?.hasOlder).toBe(true);
  });

  test('and begins with the same message is dropped', async () => {
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(30, 20)], more: true });
    await until(() => h.ids().join() === 'm30');
    answer();
    await older;
    expect(h.ids()).toEqual(['m30']);
    expect(h.client.rooms.get('lobby')?.hasOlder).toBe(true);
  });
});

test('an older page is taken also when its neighbour changes meanwhile, and not when that is let go', async () => {
  h = Harness.start();
  const peer = await h.lobby(Array.from({ length: 101 }, (_, i) => entry(30 + i, 29 + i)), true);
  await until(() => h.live);
  const room = h.client.rooms.get('lobby')!;
  const page = { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: true };
  const early = room.older();
  const first = await peer.next('history');
  room.rest(); // m30 is gone: a page that ends before it would leave a hole
  peer.reply(first, page);
  await early;
  expect(h.ids()[0]).toBe('m31');
  const older = room.older();
  const second = await peer.next('history');
  expect(second).toMatchObject({ before: 31 });
  peer.send(entry(200, 130, { type: 'reacted', id: 'r', target: 'm31', emoji: '👍', on: true }));
  await until(() => room.log.messages[0]?.reactions['👍'] !== undefined);
  peer.reply(second, page);
  await older;
  expect(h.ids().slice(0, 2)).toEqual(['m10', 'm31']);
});

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
    expect(h.client.outbox.list('lobby')[0]).toMatchObject({ text: 'bad', state: 'failed', error: 'Too long.' });
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

describe('unread', () => {
  test('counts what others wrote after the position, until it is read', async () => {
    h = Harness.start({ reads: { lobby: 10 } });
    const peer = await h.lobby([entry(10, 0), entry(20, 10), entry(30, 20, { user: 'ada' })]);
    await until(() => h.live);
    expect(h.client.unread('lobby')).toMatchObject({ count: 1, more: false });
    peer.send(entry(40, 30));
    await until(() => h.client.unread('lobby').count === 2);
    h.client.reads.mark('lobby', 40);
    expect(h.client.unread('lobby').count).toBe(0);
    expect(await peer.next('read')).toMatchObject({ room: 'lobby', seq: 40 });
    expect(h.reads).toEqual({ lobby: 40 });
  });

  test('what another device reads is read here', async () => {
    h = Harness.start({ reads: { lobby: 0 } });
    const peer = await h.lobby([entry(10, 0)], true);
    await until(() => h.live);
    expect(h.client.unread('lobby')).toMatchObject({ count: 1, more: true });
    peer.send({ type: 'read', room: 'lobby', user: 'ada', seq: 10 });
    await until(() => h.client.unread('lobby').count === 0);
  });

  test('while the server does not say what was read, nothing counts as read; then what it says', async () => {
    vi.useFakeTimers();
    let up = false;
    h = Harness.start({ routes: { 'GET /v1/reads': () => (up ? { body: { reads: { lobby: 10 } } } : { status: 503 }) } });
    await h.lobby([entry(10, 0), entry(20, 10)]);
    await until(() => h.live);
    expect(h.client.reads.mine('lobby')).toBeUndefined();
    up = true;
    await vi.advanceTimersByTimeAsync(4_000);
    await until(() => h.client.unread('lobby').count === 1);
  });

  test('a room that was opened to the user while the line was down is new', async () => {
    h = Harness.start();
    const first = await h.lobby([entry(10, 0)]);
    await until(() => h.live);
    h.rooms = [lobby, { ...lobby, id: 'den', name: 'Den' }];
    first.cut();
    const second = await h.server.peer();
    await second.welcome();
    second.reply(await second.next('history', 'join'), { type: 'history', room: 'den', messages: [entry(30, 0, { room: 'den' })], more: false });
    let join = await second.next('join');
    while (join['room'] !== 'den') join = await second.next('join');
    second.reply(join, { type: 'joined', room: 'den', seq: 30 });
    await until(() => h.client.unread('den').count === 1);
    expect(h.client.unread('lobby').count).toBe(0);
  });

  test('a room of which nothing is known counts as read, a direct one as new', async () => {
    h = Harness.start({ rooms: [lobby] });
    await h.lobby([entry(10, 0)]);
    await until(() => h.live);
    expect(h.client.unread('lobby').count).toBe(0);
    h.stop();
    h = Harness.start({ rooms: [{ ...lobby, direct: true }] });
    const peer = await h.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: false });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 10 });
    await until(() => h.client.unread('lobby').count === 1);
  });

  test('others who read are known', async () => {
    h = Harness.start();
    const peer = await h.lobby([entry(10, 0)]);
    await until(() => h.live);
    peer.send({ type: 'read', room: 'lobby', user: 'bo', seq: 10 });
    await until(() => h.client.reads.readers('lobby', 10).length === 1);
    expect(h.client.reads.readers('lobby', 11)).toEqual([]);
  });
});

describe('people', () => {
  test('the room that is looked at is watched, also after a reconnect', async () => {
    h = Harness.start();
    const first = await h.lobby();
    await until(() => h.live);
    h.client.focus('lobby');
    first.reply(await first.next('watch'), { type: 'ack' });
    const person = (user: string, status: string) => ({ user, name: user, status });
    first.reply(await first.next('who'), { type: 'who', room: 'lobby', count: 2, users: [person('bo', 'online'), person('ada', 'online')] });
    await until(() => h.client.people.online('lobby').count === 2);
    first.send({ type: 'presence', room: 'lobby', count: 2, users: [person('bo', 'offline'), person('cy', 'idle')] });
    await until(() => h.client.people.status('lobby', 'cy') === 'idle');
    expect(h.client.people.online('lobby').people.map((p) => p.user)).toEqual(['ada', 'cy']);
    first.cut();
    const second = await h.server.peer();
    await second.welcome();
    second.reply(await second.next('join'), { type: 'joined', room: 'lobby', seq: 0 });
    second.reply(await second.next('watch'), { type: 'ack' });
    second.reply(await second.next('who'), { type: 'who', room: 'lobby', count: 1, users: [person('ada', 'online')] });
    await until(() => h.client.people.online('lobby').count === 1);
  });

  test('a list of people does not get old', async () => {
    h = Harness.start({ timings: { people: 100 } });
    const peer = await h.lobby();
    await until(() => h.live);
    h.client.focus('lobby');
    peer.reply(await peer.next('watch'), { type: 'ack' });
    for (const count of [2, 1]) { // something that was told has been lost
      const users = [{ user: 'ada', name: 'Ada', status: 'online' }, { user: 'bo', name: 'Bo', status: 'idle' }].slice(0, count);
      peer.reply(await peer.next('who'), { type: 'who', room: 'lobby', count, users });
      await until(() => h.client.people.online('lobby').count === count);
    }
  });

  test('who is in a direct room is asked again when it is opened', async () => {
    h = Harness.start({ rooms: [{ ...lobby, direct: true }] });
    const peer = await h.lobby();
    peer.reply(await peer.next('watch'), { type: 'ack' });
    peer.reply(await peer.next('who'), { type: 'who', room: 'lobby', count: 1, users: [{ user: 'bo', name: 'Bo', status: 'online' }] });
    await until(() => h.client.people.status('lobby', 'bo') === 'online');
    h.client.focus('lobby');
    peer.reply(await peer.next('who'), { type: 'who', room: 'lobby', count: 0, users: [] });
    await until(() => h.client.people.status('lobby', 'bo') === 'offline');
  });

  test('of a room with very many the number is known, and who is in it on asking', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    expect(h.client.people.status('lobby', 'bo')).toBeUndefined();
    h.client.focus('lobby');
    const person = (user: string, status = 'online') => ({ user, name: user, status });
    const online = () => h.client.people.online('lobby');
    const listed = () => online().people.map((p) => p.user);
    peer.reply(await peer.next('watch'), { type: 'ack' });
    peer.reply(await peer.next('who'), { type: 'who', room: 'lobby', count: 2, users: [person('ada'), person('bo')] });
    await until(() => online().count === 2);
    expect(online().next).toBeUndefined();

    // It grows beyond what is told by name.
    peer.send({ type: 'presence', room: 'lobby', count: 1001, users: [] });
    await until(() => online().count === 1001);
    expect(listed()).toEqual([]);
    void h.client.listPeople('lobby');
    peer.reply(await peer.next('who'), { type: 'who', room: 'lobby', count: 1001, users: [person('ada'), person('bo')], next: 'bo' });
    await until(() => online().next === 'bo');
    void h.client.listPeople('lobby');
    const more = await peer.next('who');
    expect(more).toMatchObject({ next: 'bo' });
    peer.reply(more, { type: 'who', room: 'lobby', count: 1002, users: [person('cy')] });
    await until(() => online().count === 1002);
    expect(listed()).toEqual(['ada', 'bo', 'cy']);
    expect(online().next).toBeUndefined();

    // What was asked for gets old, and is asked for again.
    peer.send({ type: 'presence', room: 'lobby', count: 1003, users: [] });
    await until(() => online().count === 1003);
    expect(listed()).toEqual(['ada', 'bo', 'cy']);
    h.surroundings.ahead = 31_000;
    peer.send({ type: 'presence', room: 'lobby', count: 1004, users: [] });
    const again = await peer.next('who');
    expect(again).toMatchObject({ next: '-' });
    peer.reply(again, { type: 'who', room: 'lobby', count: 1004, users: [person('ada')], next: 'ada' });
    await until(() => online().next === 'ada');
    expect(listed()).toEqual(['ada']);

    // It shrinks, and is told by name again: what came and went meanwhile was not.
    peer.send({ type: 'presence', room: 'lobby', count: 1000, users: [person('dan')] });
    const all = await peer.next('who');
    expect(all).not.toHaveProperty('next');
    peer.reply(all, { type: 'who', room: 'lobby', count: 3, users: [person('ada'), person('dan'), person('eve')] });
    await until(() => online().count === 3);
    peer.send({ type: 'presence', room: 'lobby', count: 2, users: [person('ada', 'offline')] });
    await until(() => online().count === 2);
    expect(listed()).toEqual(['dan', 'eve']);
  });

  test('typing shows until the message comes', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    peer.send({ type: 'typing', room: 'lobby', user: 'bo', name: 'Bo' }, { type: 'typing', room: 'lobby', user: 'ada', name: 'Ada' });
    await until(() => h.client.people.typing('lobby').length > 0);
    expect(h.client.people.typing('lobby')).toEqual(['Bo']);
    peer.send(entry(10, 0));
    await until(() => h.client.people.typing('lobby').length === 0);
  });

  test('typing is said once in a while, and sooner after a message', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    for (let i = 0; i < 5; i++) h.client.typing('lobby');
    await peer.next('typing');
    h.client.send('lobby', 'x');
    h.client.typing('lobby'); // the server would pass it over
    await peer.next('send');
    h.surroundings.ahead += 1_000;
    h.client.typing('lobby');
    await peer.next('typing');
    h.surroundings.ahead += 1_000;
    h.client.typing('lobby');
    h.client.react('lobby', { user: 'bo', id: 'm1' }, '👍', true).catch(() => undefined);
    await peer.next('react');
  });
});

describe('rooms', () => {
  test('an invitation brings the room, a removal takes it', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    const own = (type: string, seq: number) => ({ ...entry(seq, 0), type, room: 'u-ada', target: 'club' });
    h.rooms = [lobby, { ...lobby, id: 'club', name: 'Club', private: true }];
    peer.send(own('invited', 1));
    expect(await peer.next('history')).toMatchObject({ room: 'club' });
    expect(h.client.rooms.get('club')?.info.name).toBe('Club');
    peer.send(own('removed', 2));
    await until(() => !h.client.rooms.has('club'));
  });

  test('a removal that comes while the rooms are listed counts', async () => {
    const club = { ...lobby, id: 'club', name: 'Club' };
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    let answer: (() => void) | undefined;
    let asked = 0;
    const late = new Promise<void>((resolve) => (answer = resolve));
    h.routes = { 'GET /v1/rooms': () => (++asked === 1 ? late.then(() => ({ body: { rooms: [lobby, club] } })) : { body: { rooms: [lobby] } }) };
    peer.send({ ...entry(1, 0), type: 'invited', room: 'u-ada', target: 'club' });
    await until(() => asked === 1);
    peer.send({ ...entry(2, 1), type: 'removed', room: 'u-ada', target: 'club' }, { type: 'typing', room: 'lobby', user: 'bo', name: 'Bo' });
    await until(() => h.client.people.typing('lobby').length > 0); // and so the removal was heard
    answer!();
    await until(() => asked === 2);
    await until(() => !h.client.rooms.has('club'));
  });

  test('a rewind of the user’s own room has the rooms listed anew', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    h.rooms = [lobby, { ...lobby, id: 'club', name: 'Club', private: true }];
    peer.send({ type: 'joined', room: 'u-ada', seq: 7, rewind: true });
    expect(await peer.next('history')).toMatchObject({ room: 'club' });
  });

  test('an invitation brings the room also when the directory is away for a moment', async () => {
    vi.useFakeTimers();
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    let asked = 0;
    const club = { ...lobby, id: 'club', name: 'Club', private: true };
    h.routes = { 'GET /v1/rooms': () => (++asked === 1 ? { status: 503, body: { code: 'unavailable', detail: 'away' } } : { body: { rooms: [lobby, club] } }) };
    peer.send({ ...entry(1, 0), type: 'invited', room: 'u-ada', target: 'club' });
    await until(() => asked === 1);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(await peer.next('history')).toMatchObject({ room: 'club' });
    expect(asked).toBe(2);
  });

  test('a list that was asked for before a room was made does not take it away', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    let answer: (() => void) | undefined;
    h.routes = {
      'GET /v1/rooms': () => new Promise((resolve) => (answer = () => resolve({ body: { rooms: [lobby] } }))),
      'POST /v1/rooms': () => ({ body: { ...lobby, id: 'club', name: 'Club', role: 'owner' } }),
    };
    peer.send({ ...entry(1, 0), type: 'invited', room: 'u-ada', target: 'elsewhere' });
    await until(() => answer !== undefined);
    const made = h.client.createRoom('Club', '', false);
    peer.reply(await peer.next('history'), { type: 'history', room: 'club', messages: [], more: false });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'club', seq: 0 });
    await made;
    let lists = 0;
    h.client.on('rooms', () => lists++);
    answer!();
    await until(() => lists > 0);
    expect([...h.client.rooms.keys()]).toEqual(['lobby', 'club']);
  });

  test('a room that was just joined is asked for again while the permission travels', async () => {
    vi.useFakeTimers();
    const club = { ...lobby, id: 'club', name: 'Club', member: false, role: '' as const };
    h = Harness.start({ routes: { 'POST /v1/rooms/club/join': () => ({}) } });
    const peer = await h.lobby();
    await until(() => h.live);
    const joined = h.client.joinRoom(club);
    peer.reply(await peer.next('history'), { type: 'error', code: 'forbidden', message: 'not yet' });
    await until(() => h.client.rooms.get('club')?.refused !== undefined);
    await vi.advanceTimersByTimeAsync(200);
    peer.reply(await peer.next('history'), { type: 'history', room: 'club', messages: [], more: false });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'club', seq: 0 });
    expect((await joined).live).toBe(true);
  });

  test('a new topic shows', async () => {
    h = Harness.start();
    const peer = await h.lobby();
    await until(() => h.live);
    peer.send(entry(10, 0, { type: 'topic', name: 'Foyer', text: 'new topic' }));
    await until(() => h.client.rooms.get('lobby')?.info.topic === 'new topic');
    expect(h.client.rooms.get('lobby')?.info.name).toBe('Foyer');
  });

  test('a direct room is called after the other', async () => {
    h = Harness.start({ rooms: [{ ...lobby, direct: true, name: 'Bo' }] });
    const peer = await h.lobby();
    await until(() => h.live);
    peer.send(entry(10, 0, { type: 'topic', name: 'direct', text: '' }), entry(11, 10, { type: 'msg', name: 'Bo', text: 'hi' }));
    await until(() => h.client.rooms.get('lobby')?.log.messages.length === 1);
    expect(h.client.rooms.get('lobby')?.info.name).toBe('Bo');
  });
});

test('edit, delete and react say what they do and tell why they fail', async () => {
  h = Harness.start();
  const peer = await h.lobby([entry(10, 0)]);
  await until(() => h.live);
  const edited = h.client.edit('lobby', 'm10', 'new');
  peer.reply(await peer.next('edit'), { type: 'error', code: 'unavailable', message: 'later', retry_after_ms: 1 });
  const edit = await peer.next('edit');
  expect(edit).toMatchObject({ target: 'm10', author: 'ada', text: 'new' });
  peer.reply(edit, { type: 'ack', seq: 20 });
  await edited;
  const removed = h.client.remove('lobby', { user: 'bo', id: 'm10' });
  const deletion = await peer.next('delete');
  expect(deletion).toMatchObject({ target: 'm10', author: 'bo' });
  peer.reply(deletion, { type: 'error', code: 'forbidden', message: 'not yours' });
  await expect(removed).rejects.toMatchObject({ code: 'forbidden' });
  const reacted = h.client.react('lobby', { user: 'bo', id: 'm10' }, '👍', true);
  const said = await peer.next('react');
  expect(said).toMatchObject({ target: 'm10', author: 'bo', emoji: '👍', on: true });
  peer.reply(said, { type: 'ack', seq: 30 });
  await reacted;
  const pinned = h.client.pin('lobby', { user: 'bo', id: 'm10' }, true);
  const pin = await peer.next('pin');
  expect(pin).toMatchObject({ target: 'm10', author: 'bo', on: true });
  peer.reply(pin, { type: 'ack', seq: 40 });
  await pinned;
});
