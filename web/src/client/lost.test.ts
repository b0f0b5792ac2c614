import { afterEach, expect, test, vi } from 'vitest';
import { entry, Harness, lobby } from '../../test/harness.ts';
import type { Peer } from '../../test/scripted.ts';
import { until } from '../../test/surroundings.ts';

// What a lost connection, a removal and a server's limits leave behind: nothing that holds up what
// follows.

let h: Harness;
afterEach(() => {
  h.stop();
  vi.useRealTimers();
});

/** Brings the lobby back on the next connection. */
async function back(): Promise<Peer> {
  const peer = await h.server.peer();
  await peer.welcome();
  peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: 0 });
  return peer;
}

test('a wait that the server asked for ends with the connection, and its patience begins anew', async () => {
  h = Harness.start();
  const first = await h.lobby();
  await until(() => h.live);
  h.client.send('lobby', 'one');
  first.reply(await first.next('send'), { type: 'error', code: 'unavailable', message: 'later', retry_after_ms: 50_000 });
  await until(() => first.unread.length === 0 && h.outgoing[0]?.tried !== undefined);
  first.cut();
  await until(() => !h.live);
  h.surroundings.ahead += 120_000;
  const second = await back();
  const said = await second.next('send');
  second.reply(said, { type: 'error', code: 'unavailable', message: 'later', retry_after_ms: 5 });
  expect(await second.next('send')).toMatchObject({ msg_id: said['msg_id'] });
  expect(h.client.outbox.list('lobby')[0]?.state).toBe('sending');
});

test('what is tried again goes after what was written since', async () => {
  h = Harness.start();
  const peer = await h.lobby();
  await until(() => h.live);
  h.client.send('lobby', 'bad');
  const bad = await peer.next('send');
  peer.reply(bad, { type: 'error', code: 'too_large', message: 'too long' });
  await until(() => h.client.outbox.list('lobby')[0]?.state === 'failed');
  h.client.send('lobby', 'one');
  h.client.send('lobby', 'two');
  h.client.outbox.retry('lobby', String(bad['msg_id']));
  for (const [i, text] of ['one', 'two', 'bad'].entries()) {
    const said = await peer.next('send');
    expect(said).toMatchObject({ text });
    peer.reply(said, { type: 'ack', msg_id: said['msg_id'], room: 'lobby', seq: 10 + i, ts: 1 });
  }
});

test('who is removed from a room has nothing more to send there', async () => {
  h = Harness.start();
  const peer = await h.lobby();
  await until(() => h.live);
  h.client.send('lobby', 'one');
  await peer.next('send');
  expect(h.outgoing).toHaveLength(1);
  peer.send({ ...entry(1, 0), type: 'removed', room: 'u-ada', target: 'lobby' });
  await until(() => !h.client.rooms.has('lobby'));
  expect(h.outgoing).toEqual([]);
  expect(h.client.outbox.waiting).toBe(false);
});

test('a list of rooms that was asked for on the connection before counts no more', async () => {
  const club = { ...lobby, id: 'club', name: 'Club' };
  h = Harness.start({ rooms: [lobby, club] });
  const first = await h.server.peer();
  await first.welcome();
  await until(() => h.client.rooms.has('club'));
  let answer: (() => void) | undefined;
  let asked = 0;
  h.routes = { 'GET /v1/rooms': () => (++asked === 1 ? new Promise((resolve) => (answer = () => resolve({ body: { rooms: [lobby] } }))) : { body: { rooms: [lobby, club] } }) };
  first.send({ ...entry(1, 0), type: 'invited', room: 'u-ada', target: 'elsewhere' });
  await until(() => answer !== undefined);
  first.cut();
  await (await h.server.peer()).welcome();
  await until(() => asked === 2);
  answer!();
  await new Promise((resolve) => setImmediate(resolve));
  expect([...h.client.rooms.keys()]).toEqual(['lobby', 'club']);
});

test('many rooms are brought up to now under the rate that the server allows', async () => {
  vi.useFakeTimers();
  h = Harness.start({ rooms: ['a', 'b', 'c'].map((id) => ({ ...lobby, id, name: id })) });
  const peer = await h.server.peer();
  await peer.welcome({ limits: { frame: 65_536, text: 8_192, rooms: 500, rate: 1 } });
  await peer.next('history');
  await vi.advanceTimersByTimeAsync(900);
  expect(peer.unread).toEqual([]);
  await vi.advanceTimersByTimeAsync(100);
  await peer.next('history');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(peer.unread).toEqual([]);
  await vi.advanceTimersByTimeAsync(700);
  await peer.next('history');
});
