import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ScriptedServer, socket } from '../../test/scripted.ts';
import { Surroundings, until } from '../../test/surroundings.ts';
import { Connection, timings, type ConnectionState, type Socket, type Timings } from './connection.ts';
import { ConnectionLost, HubbubError } from './errors.ts';
import type { ServerEvent } from './protocol.ts';

let server: ScriptedServer;
let surroundings: Surroundings;
let connection: Connection;
let states: ConnectionState['kind'][];
let events: ServerEvent[];
let tokens: boolean[];

const quick: Timings = { ...timings, stable: 60_000, backoff: { min: 10, max: 40 } };

function connect(options: { timings?: Partial<Timings>; token?: (fresh: boolean) => Promise<string>; socket?: (url: string) => Socket } = {}): Connection {
  connection = new Connection({
    url: server.url, device: 'web', socket: options.socket ?? socket, environment: surroundings, timings: { ...quick, ...options.timings },
    token: (fresh) => {
      tokens.push(fresh);
      return (options.token ?? (() => Promise.resolve('t')))(fresh);
    },
  });
  connection.on('state', (s) => states.push(s.kind));
  connection.on('event', (e) => events.push(e));
  connection.start();
  return connection;
}

beforeEach(() => {
  server = new ScriptedServer();
  surroundings = new Surroundings();
  states = [];
  events = [];
  tokens = [];
});
afterEach(() => {
  connection.stop();
  server.stop();
  vi.useRealTimers();
});

test('says hello with version, token and device, and is online after welcome', async () => {
  connect();
  const hello = await (await server.peer()).welcome();
  expect(hello).toMatchObject({ version: 1, token: 't', device: 'web' });
  await until(() => connection.state.kind === 'online');
  expect(states).toEqual(['connecting', 'online']);
});

test('a socket that cannot be made is tried again later, and when somebody asks', async () => {
  vi.useFakeTimers();
  let broken = true;
  let made = 0;
  connect({
    timings: { backoff: { min: 1000, max: 1000 } },
    socket: (url) => {
      made++;
      if (broken) throw new DOMException('An insecure WebSocket connection may not be initiated.', 'SecurityError');
      return socket(url);
    },
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(states).toEqual(['connecting', 'waiting']);
  await vi.advanceTimersByTimeAsync(1000);
  expect(made).toBeGreaterThan(1);
  const before = made;
  connection.retryNow();
  await vi.advanceTimersByTimeAsync(0);
  expect(made).toBe(before + 1);
  broken = false;
  await vi.advanceTimersByTimeAsync(1000);
  await (await server.peer()).welcome();
  await until(() => connection.state.kind === 'online');
  expect(made).toBe(before + 2);
});

describe('requests', () => {
  test('wait longer while something arrives, and not for ever', async () => {
    vi.useFakeTimers();
    connect({ timings: { reply: 500 } });
    const peer = await server.peer();
    await peer.welcome();
    await until(() => connection.state.kind === 'online');
    const first = connection.request({ type: 'join', room: 'a' });
    const second = connection.request({ type: 'join', room: 'b' });
    let given: unknown;
    second.catch((err: unknown) => (given = err));
    const join = await peer.next('join');
    for (let seq = 1; seq <= 10; seq++) {
      await vi.advanceTimersByTimeAsync(400);
      if (seq === 9) {
        peer.reply(join, { type: 'joined', room: 'a', seq: 7 });
        expect(await first).toMatchObject({ seq: 7 });
        expect(given).toBeUndefined(); // for 3,600 ms of 8 times 500
      }
      peer.send({ type: 'read', room: 'a', user: 'bo', seq });
      await until(() => events.length === seq || given !== undefined);
    }
    expect(given).toBeInstanceOf(ConnectionLost);
    expect(states.slice(0, 3)).toEqual(['connecting', 'online', 'waiting']);
  });

  test('get the reply with their id, in any order', async () => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    await until(() => connection.state.kind === 'online');
    const first = connection.request({ type: 'join', room: 'a' });
    const second = connection.request({ type: 'join', room: 'b' });
    const [a, b] = [await peer.next('join'), await peer.next('join')];
    peer.reply(b, { type: 'joined', room: 'b', seq: 2 });
    peer.reply(a, { type: 'joined', room: 'a', seq: 1 });
    expect(await first).toMatchObject({ room: 'a', seq: 1 });
    expect(await second).toMatchObject({ room: 'b', seq: 2 });
  });

  test('arrive in the order in which they are said, joins too, which go together', async () => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    await until(() => connection.state.kind === 'online');
    for (const room of ['a', 'b']) connection.request({ type: 'join', room }).catch(() => undefined);
    connection.send({ type: 'leave', room: 'b' });
    connection.request({ type: 'join', room: 'c' }).catch(() => undefined);
    await until(() => peer.unread.length === 4);
    expect(peer.unread.map((s) => `${s.type} ${s['room'] as string}`)).toEqual(['join a', 'join b', 'leave b', 'join c']);
    expect(peer.joins).toEqual([2, 1]);
  });

  test('a message whose id looks like a request id is no reply', async () => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    await until(() => connection.state.kind === 'online');
    const asked = connection.request({ type: 'who', room: 'a' });
    const who = await peer.next('who');
    peer.send({ type: 'msg', seq: 1, prev: 0, room: 'a', id: who.id, user: 'bo', name: 'Bo', ts: 1, text: 'x' });
    peer.reply(who, { type: 'who', room: 'a', count: 0, users: [] });
    expect((await asked).type).toBe('who');
    expect(events).toMatchObject([{ type: 'msg' }]);
  });

  test('an error carries its code and delay', async () => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    await until(() => connection.state.kind === 'online');
    const asked = connection.request({ type: 'join', room: 'a' });
    peer.reply(await peer.next('join'), { type: 'error', code: 'rate_limited', message: 'slower', retry_after_ms: 7 });
    await expect(asked).rejects.toMatchObject({ code: 'rate_limited', message: 'slower', retryAfterMs: 7 });
  });

  test('fail when the socket ends, and at once when there is none', async () => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    await until(() => connection.state.kind === 'online');
    const asked = connection.request({ type: 'who', room: 'a' });
    await peer.next('who');
    peer.cut();
    await expect(asked).rejects.toBeInstanceOf(ConnectionLost);
    await expect(connection.request({ type: 'who', room: 'a' })).rejects.toBeInstanceOf(ConnectionLost);
  });

  test('a server that does not answer is left for another socket', async () => {
    vi.useFakeTimers();
    connect();
    const peer = await server.peer();
    await peer.welcome();
    await until(() => connection.state.kind === 'online');
    const lost = expect(connection.request({ type: 'who', room: 'a' })).rejects.toBeInstanceOf(ConnectionLost);
    await vi.advanceTimersByTimeAsync(quick.reply);
    await lost;
    await vi.advanceTimersByTimeAsync(quick.backoff.max);
    await (await server.peer()).welcome();
    await until(() => connection.state.kind === 'online');
  });
});

describe('coming back', () => {
  test.each([4000, 4001, 4002, 4004, 4005, 1001, 1011, 1012])('after close code %d', async (code) => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    peer.close(code);
    await (await server.peer()).welcome();
    await until(() => connection.state.kind === 'online');
    expect(tokens).toEqual([false, false]);
  });

  test('after a cut line, with growing waits', async () => {
    connect();
    for (let i = 0; i < 4; i++) (await server.peer()).cut();
    await (await server.peer()).welcome();
    await until(() => connection.state.kind === 'online');
  });

  test('with short waits again after a connection that held', async () => {
    vi.useFakeTimers();
    connect({ timings: { stable: 10_000, backoff: { min: 1_000, max: 64_000 } } });
    const cut = async (after: number) => {
      const peer = await server.peer();
      await peer.welcome();
      await until(() => connection.state.kind === 'online');
      await vi.advanceTimersByTimeAsync(after);
      peer.cut();
      await until(() => connection.state.kind === 'waiting');
      const wait = (connection.state as { until: number }).until - surroundings.now();
      await vi.advanceTimersByTimeAsync(wait);
      return wait;
    };
    // Half of a wait is random, and nothing is random here.
    expect([await cut(0), await cut(9_000), await cut(0), await cut(10_000), await cut(0)]).toEqual([500, 1_000, 2_000, 500, 1_000]);
  });

  test.each([4500, 4502, 4503, 4504, 4505, 4506, 1000, 1002, 1003, 1007, 1009])('never after close code %d', async (code) => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    peer.close(code);
    await until(() => connection.state.kind === 'stopped');
    expect(connection.state).toMatchObject({ code });
    expect(states).toEqual(['connecting', 'online', 'stopped']);
  });

  test('never by itself, but when asked', async () => {
    connect();
    (await server.peer()).close(4505);
    await until(() => connection.state.kind === 'stopped');
    connection.retryNow();
    await (await server.peer()).welcome();
    await until(() => connection.state.kind === 'online');
  });

  test('not before the time that bye names', async () => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    const before = Date.now();
    peer.send({ type: 'bye', code: 4000, message: 'deploy', retry_after_ms: 3_600_000 });
    peer.close(4000);
    await until(() => connection.state.kind === 'waiting');
    expect((connection.state as { until: number }).until - before).toBeGreaterThanOrEqual(3_600_000);
    // Looking at the page again does not cut the wait short.
    surroundings.set(true);
    expect(connection.state.kind).toBe('waiting');
  });

  test('with a fresh token after 4003', async () => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    peer.close(4003);
    await (await server.peer()).welcome();
    await until(() => connection.state.kind === 'online');
    expect(tokens).toEqual([false, true]);
  });

  test('once with a fresh token after 4501, and then no more', async () => {
    connect();
    (await server.peer()).close(4501);
    (await server.peer()).close(4501);
    await until(() => connection.state.kind === 'stopped');
    expect(tokens).toEqual([false, true]);
  });

  test('not when the session is over', async () => {
    connect({ token: () => Promise.reject(new HubbubError('unauthorized', 'over')) });
    await until(() => connection.state.kind === 'stopped');
    expect(connection.state).toMatchObject({ code: 0, message: 'over' });
  });

  test('when the token cannot be had for the moment', async () => {
    let n = 0;
    connect({ token: () => (n++ < 2 ? Promise.reject(new ConnectionLost()) : Promise.resolve('t')) });
    await (await server.peer()).welcome();
    await until(() => connection.state.kind === 'online');
  });
});

describe('surroundings', () => {
  test('without a network it waits for one, and comes back at once', async () => {
    surroundings.isOnline = false;
    connect();
    await until(() => connection.state.kind === 'offline');
    surroundings.set(true);
    await (await server.peer()).welcome();
    await until(() => connection.state.kind === 'online');
  });

  test('a network that returns cuts a long wait short', async () => {
    connect({ timings: { backoff: { min: 3_600_000, max: 3_600_000 } } });
    (await server.peer()).cut();
    await until(() => connection.state.kind === 'waiting');
    surroundings.set(true);
    await (await server.peer()).welcome();
    await until(() => connection.state.kind === 'online');
  });

  test('a page that is shown again asks for a sign of life', async () => {
    connect();
    const peer = await server.peer();
    await peer.welcome();
    await until(() => connection.state.kind === 'online');
    surroundings.set(true);
    peer.reply(await peer.next('ping'), { type: 'ack' });
  });

  test('a network that goes is not believed before the server is silent', async () => {
    vi.useFakeTimers();
    connect();
    const peer = await server.peer();
    await peer.welcome();
    await until(() => connection.state.kind === 'online');
    surroundings.set(false);
    peer.reply(await peer.next('ping'), { type: 'ack' });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(connection.state.kind).toBe('online');
    surroundings.set(false);
    await peer.next('ping');
    await vi.advanceTimersByTimeAsync(3_000);
    expect(connection.state.kind).toBe('offline');
  });

  test('silence is answered with a ping, and more silence with a new socket', async () => {
    vi.useFakeTimers();
    connect();
    const peer = await server.peer();
    await peer.welcome({ ping_ms: 20_000 });
    await until(() => connection.state.kind === 'online');
    await vi.advanceTimersByTimeAsync(19_000);
    peer.send({ type: 'typing', room: 'a', user: 'bo', name: 'Bo' }); // no silence
    await until(() => events.length === 1);
    await vi.advanceTimersByTimeAsync(19_000);
    expect(peer.unread).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    peer.reply(await peer.next('ping'), { type: 'ack' });
    await vi.advanceTimersByTimeAsync(20_000);
    await peer.next('ping');
    expect(connection.state.kind).toBe('online');
    await vi.advanceTimersByTimeAsync(quick.reply);
    expect(await peer.closed).toBe(1005);
    await vi.advanceTimersByTimeAsync(quick.backoff.max);
    await (await server.peer()).welcome();
    await until(() => connection.state.kind === 'online');
  });
});

test('frames that are no events change nothing', async () => {
  connect();
  const peer = await server.peer();
  await peer.welcome();
  await until(() => connection.state.kind === 'online');
  peer.send('{' as never, 'null' as never, { type: 'sparkle' }, { type: 'joined' }, { type: 'typing', room: 'a', user: 'b', name: 'B' });
  await until(() => events.length > 0);
  expect(events).toMatchObject([{ type: 'typing' }]);
});

test('stop closes the socket and stays away', async () => {
  connect();
  const peer = await server.peer();
  await peer.welcome();
  await until(() => connection.state.kind === 'online');
  connection.stop();
  expect(await peer.closed).toBe(1000);
  expect(connection.state.kind).toBe('idle');
});

test('a socket that closed before its welcome has no say in the next one', async () => {
  vi.useFakeTimers();
  connect({ timings: { connect: 5_000 } });
  (await server.peer()).close(1012);
  await until(() => connection.state.kind === 'waiting');
  await vi.advanceTimersByTimeAsync(100);
  const peer = await server.peer();
  await peer.welcome();
  await until(() => connection.state.kind === 'online');
  await vi.advanceTimersByTimeAsync(6_000);
  expect(connection.state.kind).toBe('online');
});
