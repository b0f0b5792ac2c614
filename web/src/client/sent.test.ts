import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entry, Harness } from '../../test/harness.ts';
import type { Peer, Said } from '../../test/scripted.ts';
import { until } from '../../test/surroundings.ts';
import type { Outgoing } from './outbox.ts';

// What was sent stands where the log has it, and nowhere else.

let h: Harness;
afterEach(() => h.stop());

const outgoing = () => h.client.outbox.list('lobby').map((m) => `${m.text}:${m.state}`);
const waiting = (fields: Partial<Outgoing> = {}): Outgoing => ({ room: 'lobby', id: 'mine', text: 'hello', ts: 1, state: 'sending', tried: Date.now() - 1_000, ...fields });
const others = (from: number, n: number) => Array.from({ length: n }, (_, i) => entry(from + 10 * i, from + 10 * (i - 1)));

function ack(peer: Peer, said: Said, seq: number): void {
  peer.reply(said, { type: 'ack', room: 'lobby', msg_id: said['msg_id'], seq, ts: 1 });
}

/**
 * Has something arrive of which one sees that it did: everything before it has then been taken,
 * too.
 */
async function heard(peer: Peer): Promise<void> {
  const before = h.client.people.typing('lobby').length;
  peer.send({ type: 'typing', room: 'lobby', user: `u${before}`, name: `U${before}` });
  await until(() => h.client.people.typing('lobby').length > before);
}

describe('a repeat of what the log has', () => {
  test('after a reload, far below what others have said since, leaves nothing on its way', async () => {
    h = Harness.start({ outgoing: [waiting()] });
    const peer = await h.lobby(others(110, 50), true);
    ack(peer, await peer.next('send'), 100);
    await until(() => outgoing().length === 0);
    expect(h.ids()).toHaveLength(50);
    expect(h.outgoing).toEqual([]);
    // It shows where it stands, once that is loaded.
    const older = h.client.rooms.get('lobby')!.loadOlder();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(100, 0, { id: 'mine', user: 'ada' })], more: false });
    await older;
    expect(h.ids()[0]).toBe('mine');
  });

  test('that the user tries again leaves nothing on its way', async () => {
    h = Harness.start({ outgoing: [waiting({ state: 'failed', error: 'Too long.' })] });
    const peer = await h.lobby(others(110, 50), true);
    await until(() => h.live);
    h.client.outbox.retry('lobby', 'mine');
    ack(peer, await peer.next('send'), 100);
    await until(() => outgoing().length === 0);
  });

  test.each([
    ['the newest that is here', 20],
    ['one that was deleted, and left out of the replay', 15],
  ])('acknowledged at the seq of %s leaves nothing on its way', async (_, seq) => {
    h = Harness.start({ outgoing: [waiting()] });
    const peer = await h.lobby([entry(10, 0), entry(20, 10)]);
    ack(peer, await peer.next('send'), seq);
    await until(() => outgoing().length === 0);
  });

  test('lets the next one go', async () => {
    h = Harness.start({ outgoing: [waiting(), waiting({ id: 'next', text: 'next' })] });
    const peer = await h.lobby([entry(10, 0), entry(20, 10)]);
    ack(peer, await peer.next('send'), 10);
    const next = await peer.next('send');
    expect(next).toMatchObject({ msg_id: 'next' });
    ack(peer, next, 30);
    await until(() => outgoing().join() === 'next:sent');
    peer.send(entry(30, 20, { id: 'next', user: 'ada' }));
    await until(() => outgoing().length === 0);
    expect(h.ids()).toEqual(['m10', 'm20', 'next']);
  });

  test('that another tab sends, too, is one message', async () => {
    h = Harness.start({ outgoing: [waiting()] });
    const peer = await h.lobby([entry(10, 0)]);
    const said = await peer.next('send');
    peer.send(entry(20, 10, { id: 'mine', user: 'ada' }), entry(30, 20)); // the other tab was faster
    ack(peer, said, 20);
    await until(() => h.ids().length === 3);
    await heard(peer);
    expect(outgoing()).toEqual([]);
    expect(h.ids()).toEqual(['m10', 'mine', 'm30']);
  });
});

describe('a message that is sent, and has not arrived', () => {
  let peer: Peer;
  beforeEach(async () => {
    h = Harness.start();
    peer = await h.lobby([entry(10, 0)]);
    await until(() => h.live);
    h.client.send('lobby', 'hello');
    ack(peer, await peer.next('send'), 100);
    await until(() => outgoing()[0] === 'hello:sent');
  });
  const mine = () => h.client.outbox.list('lobby')[0]!.id;

  test('waits for its place while others arrive before it', async () => {
    const id = mine();
    peer.send(entry(20, 10), entry(30, 20));
    await until(() => h.ids().length === 3);
    expect(outgoing()).toEqual(['hello:sent']);
    peer.send(entry(100, 30, { id, user: 'ada' }));
    await until(() => h.ids().length === 4);
    expect(outgoing()).toEqual([]);
    expect(peer.unread).toEqual([]); // it was sent once
  });

  test('comes when a gap is filled', async () => {
    const id = mine();
    peer.send(entry(110, 100));
    const join = await peer.next('join');
    peer.send(entry(100, 10, { id, user: 'ada' }), entry(110, 100));
    peer.reply(join, { type: 'joined', room: 'lobby', seq: 110 });
    await until(() => h.ids().length === 3);
    expect(outgoing()).toEqual([]);
    expect(h.ids()).toEqual(['m10', id, 'm110']);
  });

  test('is asked about after a rewind, and gone if it was not lost', async () => {
    const id = mine();
    peer.send({ type: 'joined', room: 'lobby', seq: 900, rewind: true });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 900, rewind: true });
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: others(410, 50), more: true });
    const again = await peer.next('send');
    expect(again).toMatchObject({ msg_id: id });
    ack(peer, again, 100);
    await until(() => outgoing().length === 0);
    expect(h.ids()).toHaveLength(50);
  });

  test('is sent again after a rewind that took it', async () => {
    const id = mine();
    peer.send({ type: 'joined', room: 'lobby', seq: 10, rewind: true });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 10, rewind: true });
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: false });
    ack(peer, await peer.next('send'), 20);
    await until(() => outgoing().join() === 'hello:sent');
    peer.send(entry(20, 10, { id, user: 'ada' }));
    await until(() => h.ids().length === 2);
    expect(outgoing()).toEqual([]);
  });

  test('is asked about when the log passes its seq without it', async () => {
    const id = mine();
    peer.send(entry(200, 10)); // the log lost its end, and nobody noticed
    const again = await peer.next('send');
    expect(again).toMatchObject({ msg_id: id });
    ack(peer, again, 210);
    peer.send(entry(210, 200, { id, user: 'ada' }));
    await until(() => h.ids().length === 3);
    expect(outgoing()).toEqual([]);
  });

  test('stays when a message of another with its id is deleted', async () => {
    peer.send(entry(110, 10, { type: 'deleted', id: 'd', target: mine(), author: 'bo' }));
    await heard(peer);
    expect(outgoing()).toHaveLength(1);
  });

  test('is gone when it is deleted, also where the log leaves it out', async () => {
    peer.send(entry(110, 10, { type: 'deleted', id: 'd', target: mine(), author: 'ada' }));
    await until(() => outgoing().length === 0);
    await heard(peer);
    expect(peer.unread).toEqual([]); // and not sent again
  });
});
