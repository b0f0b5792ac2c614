import { afterEach, describe, expect, test } from 'vitest';
import { entry, Harness } from '../../test/harness.ts';
import { until } from '../../test/surroundings.ts';
import { shownInRoom } from './outbox.ts';
import { RoomLog } from './roomlog.ts';
import { Thread } from './thread.ts';

let h: Harness | undefined;
afterEach(() => h?.stop());

const root = { author: 'bo', id: 'm10' };
const answer = (seq: number, prev: number, more: object = {}) => entry(seq, prev, { id: `a${seq}`, thread: root, ...more });
const gone = (seq: number, prev: number, target: string, author = 'bo') => entry(seq, prev, { type: 'deleted', id: `d${seq}`, target, author });

describe('in the log of a room', () => {
  const begun = (replies?: object) => {
    const log = new RoomLog();
    log.page([entry(10, 0, { id: 'm10', ...(replies && { replies }) }), entry(20, 10)] as never[], true);
    return log;
  };
  const ids = (log: RoomLog) => log.messages.map((m) => m.id);

  test('answers move the position on, are counted at their root, and show only if they are broadcast', () => {
    const log = begun();
    expect(log.applyLive(answer(30, 20) as never)).toBe('applied');
    expect(log.applyLive(answer(40, 30, { user: 'cy', broadcast: true }) as never)).toBe('applied');
    expect(log.applyLive(entry(50, 40) as never)).toBe('applied');
    expect(ids(log)).toEqual(['m10', 'm20', 'a40', 'm50']);
    expect(log.messages[0]!.replies).toEqual({ count: 2, more: false, users: ['cy', 'bo'], last: 40, ts: log.messages[2]!.ts });
    expect(log.messages[2]!.thread).toEqual({ user: 'bo', id: 'm10' });
    // One that is heard again is neither counted nor a sign of another log.
    expect(log.applyLive(answer(30, 20) as never)).toBe('duplicate');
    expect(log.applyLive(answer(45, 40, { id: 'unheard' }) as never)).toBe('duplicate');
    expect(log.messages[0]!.replies!.count).toBe(2);
  });

  test('what the page has counted is not counted again', () => {
    const log = begun({ count: 7, users: ['cy'], last: 30, last_ts: 5 });
    log.applyLive(answer(30, 20) as never);
    expect(log.messages[0]!.replies).toMatchObject({ count: 7, last: 30, ts: 5 });
    log.applyLive(answer(31, 30) as never);
    expect(log.messages[0]!.replies).toMatchObject({ count: 8, users: ['bo', 'cy'], last: 31 });
  });

  test('an answer that is deleted is one less, once; without one there is no thread', () => {
    const log = begun();
    log.applyLive(answer(30, 20) as never);
    log.applyLive(answer(40, 30, { broadcast: true }) as never);
    log.applyLive(gone(50, 40, 'a30') as never);
    log.applyLive(gone(51, 50, 'a30') as never);
    expect(log.messages[0]!.replies!.count).toBe(1);
    log.applyLive(gone(52, 51, 'a40') as never);
    expect(log.messages[0]!.replies).toBeUndefined();
    expect(log.messages.at(-1)).toMatchObject({ id: 'a40', deleted: true });
  });

  test('an answer to an answer is of its thread, and one that names itself of none', () => {
    const log = begun();
    log.applyLive(answer(30, 20) as never);
    log.applyLive(answer(40, 30, { thread: { author: 'bo', id: 'a30' } }) as never);
    expect(log.messages[0]!.replies!.count).toBe(2);
    log.applyLive(answer(50, 40, { id: 'own', thread: { author: 'bo', id: 'own' } }) as never);
    expect(log.messages.at(-1)).toMatchObject({ id: 'own' });
    expect(log.messages.at(-1)!.thread).toBeUndefined();
    for (const thread of [null, 'x', {}, { author: 'bo' }, { author: 1, id: 2 }]) {
      const seq = log.position!.seq;
      log.applyLive(entry(seq + 1, seq, { thread }) as never);
      expect(log.messages.at(-1)!.seq).toBe(seq + 1);
    }
  });
});

describe('that is looked at', () => {
  const texts = (t: Thread) => t.messages.map((m) => m.text);

  test('has a page, what comes meanwhile and after, and what is done to it', async () => {
    h = Harness.start();
    const peer = await h.lobby([entry(10, 0, { id: 'm10', text: 'root' })]);
    await until(() => h!.live);
    const thread = new Thread(h.client, 'lobby', { user: 'bo', id: 'm10' });
    let changes = 0;
    thread.on('change', () => changes++);
    const asked = await peer.next('history');
    expect(asked).toMatchObject({ room: 'lobby', thread: root, limit: 50 });
    peer.send(answer(30, 10, { text: 'two' })); // which the page may have or not
    await until(() => h!.client.rooms.get('lobby')!.log.position?.seq === 30);
    peer.reply(asked, { type: 'history', room: 'lobby', messages: [answer(20, 10, { text: 'one' })], more: true, root: entry(10, 0, { id: 'm10', text: 'root' }) });
    await until(() => thread.state === 'loaded');
    expect(thread.root?.text).toBe('root');
    expect(texts(thread)).toEqual(['one', 'two']);
    changes = 0;
    peer.send(answer(40, 30, { text: 'three', thread: { author: 'bo', id: 'a20' } }), entry(50, 40), answer(51, 50, { text: 'elsewhere', thread: { author: 'bo', id: 'm50' } }));
    peer.send(entry(60, 51, { type: 'edited', id: 'e60', target: 'a20', author: 'bo', text: 'one!' }), gone(70, 60, 'm10'));
    await until(() => thread.root?.deleted === true);
    expect(texts(thread)).toEqual(['one!', 'two', 'three']);
    expect(changes).toBe(3);

    const older = thread.loadOlder();
    const before = await peer.next('history');
    expect(before).toMatchObject({ thread: root, before: 20 });
    peer.reply(before, { type: 'history', room: 'lobby', messages: [answer(15, 10, { text: 'zero' })], more: false });
    await older;
    expect(texts(thread)[0]).toBe('zero');
    expect(thread.hasOlder).toBe(false);
    expect((await thread.reach(20))?.text).toBe('one!');
    expect(await thread.reach(3)).toBeUndefined();
    thread.close();
    peer.send(answer(80, 70));
    await until(() => h!.client.rooms.get('lobby')!.log.position?.seq === 80);
    expect(texts(thread)).toHaveLength(4);
  });

  test('is gone back in until an answer is here that is asked for', async () => {
    h = Harness.start();
    const peer = await h.lobby([entry(10, 0, { id: 'm10' })]);
    await until(() => h!.live);
    const thread = new Thread(h.client, 'lobby', { user: 'bo', id: 'm10' });
    const reached = thread.reach(25);
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [answer(40, 30)], more: true, root: entry(10, 0, { id: 'm10' }) });
    const older = await peer.next('history');
    expect(older).toMatchObject({ thread: root, before: 40 });
    peer.reply(older, { type: 'history', room: 'lobby', messages: [answer(25, 20), answer(30, 25)], more: true });
    expect((await reached)?.id).toBe('a25');
    thread.close();
  });

  test('cannot be loaded, and then is; asked for by an answer it is the thread of that one', async () => {
    h = Harness.start();
    const peer = await h.lobby([entry(10, 0, { id: 'm10' })]);
    await until(() => h!.live);
    const thread = new Thread(h.client, 'lobby', { user: 'bo', id: 'a20' });
    peer.reply(await peer.next('history'), { type: 'error', code: 'not_found', message: 'no' });
    await until(() => thread.state === 'failed');
    void thread.load();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages: [answer(20, 10)], more: false, root: entry(10, 0, { id: 'm10' }) });
    await until(() => thread.state === 'loaded');
    expect(thread.name).toEqual({ user: 'bo', id: 'm10' });
    thread.close();
  });

  test('an answer is sent with its root, and shows in the room only if it is broadcast', async () => {
    h = Harness.start();
    const peer = await h.lobby([entry(10, 0, { id: 'm10' })]);
    await until(() => h!.live);
    h.client.send('lobby', 'aside', undefined, { root: { user: 'bo', id: 'm10' }, broadcast: false });
    h.client.send('lobby', 'to all', undefined, { root: { user: 'bo', id: 'm10' }, broadcast: true });
    expect(shownInRoom(h.client.outbox.list('lobby')).map((m) => m.text)).toEqual(['to all']);
    const first = await peer.next('send');
    expect(first).toMatchObject({ text: 'aside', thread: root });
    expect(first['broadcast']).toBeUndefined();
    peer.reply(first, { type: 'ack', room: 'lobby', msg_id: first['msg_id'], seq: 20, ts: 1 });
    expect(await peer.next('send')).toMatchObject({ text: 'to all', thread: root, broadcast: true });
    peer.send(answer(20, 10, { id: first['msg_id'], user: 'ada', text: 'aside' }));
    await until(() => h!.client.outbox.list('lobby').length === 1);
  });

  test('a mention in an answer counts in its room, which does not show it', async () => {
    h = Harness.start();
    const peer = await h.lobby([entry(10, 0, { id: 'm10' })]);
    await until(() => h!.live);
    h.client.reads.replaceFromServer([{ room: 'lobby', read: 10 }]);
    peer.send(answer(20, 10));
    peer.send({ seq: 5, prev: 0, type: 'mentioned', room: 'u-ada', id: 'm-1', user: 'bo', name: 'Bo', ts: 1, target: 'lobby', at: 20, on: true, thread: root });
    await until(() => h!.client.unread('lobby').mentions === 1);
    expect(h.client.unread('lobby')).toMatchObject({ count: 1, mentions: 1 });
  });
});
