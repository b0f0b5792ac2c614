import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { entry, Harness } from '../../test/harness.ts';
import type { Peer, Said } from '../../test/scripted.ts';
import { until } from '../../test/surroundings.ts';

let h: Harness;
afterEach(() => {
  h.stop();
  vi.useRealTimers();
});

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
    const older = h.client.rooms.get('lobby')!.loadOlder();
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
    const older = h.client.rooms.get('lobby')!.loadOlder();
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
    older = h.client.rooms.get('lobby')!.loadOlder();
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
  const early = room.loadOlder();
  const first = await peer.next('history');
  room.trim(); // m30 is gone: a page that ends before it would leave a hole
  peer.reply(first, page);
  await early;
  expect(h.ids()[0]).toBe('m31');
  const older = room.loadOlder();
  const second = await peer.next('history');
  expect(second).toMatchObject({ before: 31 });
  peer.send(entry(200, 130, { type: 'reacted', id: 'r', target: 'm31', emoji: '👍', on: true }));
  await until(() => room.log.messages[0]?.reactions['👍'] !== undefined);
  peer.reply(second, page);
  await older;
  expect(h.ids().slice(0, 2)).toEqual(['m10', 'm31']);
});
