import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { entry, Harness, lobby } from '../../test/harness.ts';
import { until } from '../../test/surroundings.ts';
import { Chat } from './chat.svelte.ts';

let h: Harness;
let chat: Chat;

beforeEach(() => {
  vi.stubGlobal('window', new EventTarget());
  const stored = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (k: string) => stored.get(k) ?? null, setItem: (k: string, v: string) => stored.set(k, v), removeItem: (k: string) => stored.delete(k),
  });
});
afterEach(async () => {
  chat.close();
  h.stop();
  vi.unstubAllGlobals();
});

describe('the status', () => {
  test('is said before a room is joined, holds over a reload, and is that of all tabs', async () => {
    localStorage.setItem('hubbub.status.ada', 'invisible');
    h = Harness.start();
    chat = new Chat(h.client);
    expect(chat.status).toBe('invisible');
    const peer = await h.server.peer();
    await peer.welcome();
    expect(await peer.next('status')).toMatchObject({ status: 'invisible' });
    localStorage.removeItem('hubbub.status.ada'); // another tab
    window.dispatchEvent(Object.assign(new Event('storage'), { key: 'hubbub.status.ada' }));
    expect(await peer.next('status', 'history')).toMatchObject({ status: 'online' });
    chat.setStatus('dnd');
    expect(await peer.next('status')).toMatchObject({ status: 'dnd' });
    expect(localStorage.getItem('hubbub.status.ada')).toBe('dnd');
    localStorage.setItem('hubbub.status.ada', 'nonsense');
    window.dispatchEvent(Object.assign(new Event('storage'), { key: null }));
    expect(chat.status).toBe('online');
  });
});

describe('the list of rooms', () => {
  test('shows the newest message, what is unread, and what is on its way', async () => {
    h = Harness.start({ reads: { lobby: 10 } });
    chat = new Chat(h.client);
    const peer = await h.lobby([entry(10, 0), entry(20, 10)]);
    await until(() => chat.rooms[0]?.unread.count === 1);
    expect(chat.rooms[0]).toMatchObject({ id: 'lobby', last: { text: 'text 20', name: 'Bo', mine: false }, failed: false });
    expect(chat.unreadRooms).toBe(1);
    h.client.send('lobby', 'on its way');
    await until(() => chat.rooms[0]?.last?.text === 'on its way');
    peer.reply(await peer.next('send'), { type: 'error', code: 'forbidden', message: 'no' });
    await until(() => chat.rooms[0]?.failed === true);
    // What failed is not the newest, and does not hold the room down.
    expect(chat.rooms[0]).toMatchObject({ last: { text: 'text 20', mine: false, ts: 20 } });
    peer.send(entry(30, 20));
    await until(() => chat.rooms[0]?.last?.text === 'text 30');
  });

  test('keeps a room where its newest message puts it while an older one waits', async () => {
    h = Harness.start({ outgoing: [{ room: 'lobby', id: 'old', text: 'old', ts: 1, state: 'sending' }] });
    chat = new Chat(h.client);
    const peer = await h.lobby([entry(10, 0), entry(20, 10)]);
    const said = await peer.next('send');
    await until(() => chat.rooms[0]?.last?.ts === 20);
    expect(chat.rooms[0]).toMatchObject({ last: { text: 'old', mine: true } });
    peer.reply(said, { type: 'ack', room: 'lobby', msg_id: 'old', seq: 5, ts: 1 });
    await until(() => chat.rooms[0]?.last?.text === 'text 20');
  });

  test('keeps the order it had until the newest message of each room is known', async () => {
    localStorage.setItem('hubbub.order.ada', '["lobby","club"]');
    h = Harness.start({ rooms: [lobby, { ...lobby, id: 'club', name: 'Club' }] });
    chat = new Chat(h.client);
    const peer = await h.server.peer();
    await peer.welcome();
    const said = [await peer.next('history', 'join'), await peer.next('history', 'join')].sort((a, b) => (a['room'] === 'club' ? -1 : 1) - (b['room'] === 'club' ? -1 : 1));
    const page = (room: string, ts: number) => ({ type: 'history', room, messages: [entry(10, 0, { room, ts })], more: false });
    peer.reply(said[0]!, page('club', 9));
    await until(() => chat.rooms.some((r) => r.id === 'club' && r.last !== undefined));
    expect(chat.rooms.map((r) => r.id)).toEqual(['lobby', 'club']); // the other may have something newer
    peer.reply(said[1]!, page('lobby', 5));
    await until(() => chat.rooms[0]?.id === 'club');
  });

  test('has the busiest room first', async () => {
    h = Harness.start({ rooms: [lobby, { ...lobby, id: 'club', name: 'Club' }] });
    chat = new Chat(h.client);
    const peer = await h.server.peer();
    await peer.welcome();
    for (let i = 0; i < 2; i++) {
      const said = await peer.next('history', 'join');
      const room = String(said['room']);
      peer.reply(said, { type: 'history', room, messages: [entry(10, 0, { room, ts: room === 'club' ? 5 : 9 })], more: false });
    }
    await until(() => chat.rooms.length === 2 && chat.rooms.every((r) => r.last));
    expect(chat.rooms.map((r) => r.id)).toEqual(['lobby', 'club']);
  });

  test('tells of a mention until it is read', async () => {
    h = Harness.start({ reads: { lobby: 10 } });
    chat = new Chat(h.client);
    const peer = await h.lobby([entry(10, 0, { text: '@ada of before' }), entry(20, 10, { text: 'something' })]);
    await until(() => chat.rooms[0]?.unread.count === 1);
    expect(chat.rooms[0]?.mentioned).toBe(false);
    peer.send(entry(30, 20, { text: 'hi @ada!' }));
    await until(() => chat.rooms[0]?.mentioned === true);
    peer.send({ type: 'read', room: 'lobby', user: 'ada', seq: 30 });
    await until(() => chat.rooms[0]?.mentioned === false);
  });

  test('shows a draft of a room that is not open', async () => {
    h = Harness.start();
    chat = new Chat(h.client);
    await h.lobby();
    await until(() => chat.rooms.length === 1);
    chat.setDraft('lobby', 'half');
    await until(() => chat.rooms[0]?.draft === true);
    chat.open('lobby');
    chat.send('half');
    await until(() => chat.rooms[0]?.draft === false);
  });
});

describe('the open room', () => {
  test('puts the divider before what is new, and reading takes the count away', async () => {
    h = Harness.start({ reads: { lobby: 10 }, routes: { 'GET /v1/rooms/lobby/members': () => ({ body: { members: [{ user: 'bo', name: 'Bo' }] } }) } });
    chat = new Chat(h.client);
    const peer = await h.lobby([entry(10, 0), entry(20, 10)]);
    await until(() => chat.rooms[0]?.unread.count === 1);
    chat.open('lobby');
    expect(chat.newAfter).toBe(10);
    expect(chat.view?.messages).toHaveLength(2);
    chat.markSeen();
    expect(await peer.next('read', 'watch', 'who', 'join')).toMatchObject({ seq: 20 });
    await until(() => chat.rooms[0]?.unread.count === 0);
    expect(chat.newAfter).toBe(10);
    await until(() => chat.members.list.length === 1);
    chat.send('x');
    expect(chat.newAfter).toBeUndefined();
  });

  test('opens at the first unread message, however far back that is', async () => {
    const news = { room: 'lobby', read: 10, through: 200, unread: 99, more: true, mentions: 1, first_unread: 20, first_mention: 50 };
    h = Harness.start({ routes: { 'GET /v1/inbox': () => ({ body: { rooms: [news] } }) } });
    chat = new Chat(h.client);
    const peer = await h.lobby([entry(190, 0), entry(200, 190)], true);
    await until(() => chat.rooms[0]?.unread.count === 99);
    expect(chat.rooms[0]).toMatchObject({ mentioned: true, unread: { more: true, mentions: 1 } });
    chat.open('lobby');
    expect(chat.newAfter).toBe(10);
    expect(chat.opening).toBe(true);
    chat.markSeen(); // nothing is in view yet
    expect(h.client.reads.mine('lobby')).toBe(10);
    const around = await peer.next('history', 'watch', 'who');
    expect(around).toMatchObject({ around: 20 });
    peer.reply(around, { type: 'history', room: 'lobby', messages: [entry(5, 0), entry(10, 0), entry(20, 0), entry(30, 0)], more: true });
    await until(() => !chat.opening);
    expect(chat.view?.messages.map((m) => m.seq)).toEqual([5, 10, 20, 30]);
    expect(chat.view).toMatchObject({ readingPast: true, hasOlder: true });
    chat.showNewest();
    expect(chat.view?.messages.map((m) => m.seq)).toEqual([190, 200]);
  });

  test('is not read by itself after a message was marked as unread, until it is opened again', async () => {
    let read = 20;
    h = Harness.start({
      rooms: [lobby], routes: {
        'GET /v1/inbox': () => ({ body: { rooms: [{ room: 'lobby', read, through: 20, unread: read < 20 ? 1 : 0, mentions: 0, ...(read < 20 && { first_unread: 20 }) }] } }),
        'POST /v1/rooms/lobby/unread': (body) => ((read = (body as { seq: number }).seq - 1), {}),
      },
    });
    chat = new Chat(h.client);
    await h.lobby([entry(10, 0), entry(20, 10)]);
    await until(() => h.client.inbox.get('lobby') !== undefined && h.live);
    chat.open('lobby');
    await chat.markUnread(h.client.rooms.get('lobby')!.log.messages[1]!);
    expect(chat.newAfter).toBe(19);
    chat.markSeen();
    await until(() => chat.rooms[0]?.unread.count === 1);
    chat.open(undefined);
    chat.open('lobby');
    chat.markSeen();
    await until(() => chat.rooms[0]?.unread.count === 0);
  });

  test('may be named before the rooms are known', async () => {
    h = Harness.start({ reads: { lobby: 0 } });
    chat = new Chat(h.client);
    chat.open('lobby');
    expect(chat.view).toBeUndefined();
    const peer = await h.server.peer();
    await peer.welcome();
    const page = await peer.next('history');
    await until(() => chat.view !== undefined); // the rooms are, and what is in them is not
    peer.reply(page, { type: 'history', room: 'lobby', messages: [entry(10, 0)], more: false });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 10 });
    await until(() => chat.view?.live === true && chat.view.messages.length === 1);
    expect(chat.rooms[0]?.unread.count).toBe(1);
    expect(chat.newAfter).toBe(0);
  });

  test('is not read by looking at it while it is not known to be complete', async () => {
    h = Harness.start({ reads: { lobby: 10 } });
    chat = new Chat(h.client);
    const peer = await h.lobby([entry(10, 0), entry(20, 10)]);
    await until(() => chat.rooms[0]?.unread.count === 1);
    chat.open('lobby');
    peer.cut();
    await until(() => !h.live);
    chat.markSeen();
    expect(h.client.reads.mine('lobby')).toBe(10);
  });

  test('is read as far as the view has it, and not as far as the log does', async () => {
    h = Harness.start({ reads: { lobby: 10 } });
    chat = new Chat(h.client);
    const peer = await h.lobby([entry(10, 0)]);
    await until(() => chat.rooms[0] !== undefined && h.live);
    chat.open('lobby');
    const read: (number | undefined)[] = [];
    const off = h.client.on('room', () => {
      if (h.client.rooms.get('lobby')!.log.messages.length < 2 || chat.view!.messages.length > 1) return;
      chat.markSeen();
      read.push(h.client.reads.mine('lobby'));
    });
    peer.send(entry(20, 10));
    await until(() => chat.view!.messages.length === 2);
    off();
    expect(read.length).toBeGreaterThan(0);
    expect(read.every((seq) => seq === 10)).toBe(true);
    chat.markSeen();
    expect(h.client.reads.mine('lobby')).toBe(20);
  });

  test('collects what the server tells this client alone', async () => {
    h = Harness.start();
    chat = new Chat(h.client);
    const peer = await h.lobby();
    await until(() => chat.rooms.length === 1);
    chat.open('lobby');
    peer.send({ type: 'notice', room: 'elsewhere', code: 'x', text: 'no' }, { type: 'notice', room: 'lobby', code: 'x', text: 'yes' });
    await until(() => chat.notices.length > 0);
    expect(chat.notices.map((n) => n.notice.text)).toEqual(['yes']);
    chat.dismissNotice(chat.notices[0]!.key);
    expect(chat.notices).toEqual([]);
    peer.send({ type: 'notice', room: 'lobby', code: 'x', text: 'again' });
    await until(() => chat.notices.length > 0);
    chat.open(undefined);
    expect(chat.notices).toEqual([]);
  });
});
