import { afterEach, describe, expect, test, vi } from 'vitest';
import { entry, Harness, lobby } from '../../test/harness.ts';
import { until } from '../../test/surroundings.ts';

let h: Harness;
afterEach(() => {
  h.stop();
  vi.useRealTimers();
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
