import { afterEach, expect, test } from 'vitest';
import { entry, Harness } from '../../test/harness.ts';
import { until } from '../../test/surroundings.ts';
import type { Client } from './client.ts';
import { Emitter } from './emitter.ts';
import { Pins } from './pins.ts';
import { onReset } from './resets.ts';

let h: Harness | undefined;
afterEach(() => h?.stop());

const reset = (seq: number, prev: number) => entry(seq, prev, { type: 'reset', id: `r${seq}`, text: undefined });

test('each reset of a room is told, until nobody wants to hear', async () => {
  h = Harness.start();
  const peer = await h.lobby([entry(10, 0)]);
  await until(() => h!.live);
  let told = 0;
  const off = onReset(h.client, 'lobby', () => told++);
  peer.send(entry(20, 10), reset(30, 20));
  await until(() => told === 1);
  peer.send(entry(40, 30), reset(50, 40));
  await until(() => told === 2);
  off();
  peer.send(reset(60, 50));
  await until(() => h!.client.rooms.get('lobby')!.log.position?.seq === 60);
  expect(told).toBe(2);
});

test('a reset is told when the room is live', () => {
  const room = { live: false, log: { resets: 3 } };
  const client = Object.assign(new Emitter<{ room: string }>(), { rooms: new Map([['lobby', room]]) });
  let told = 0;
  onReset(client as unknown as Client, 'lobby', () => told++);
  room.log.resets = 4;
  client.emit('room', 'lobby');
  expect(told).toBe(0);
  room.live = true;
  client.emit('room', 'other');
  expect(told).toBe(0);
  client.emit('room', 'lobby');
  client.emit('room', 'lobby');
  expect(told).toBe(1);
});

test('the pins of a room that was reset are loaded anew', async () => {
  let list: object[] = [{ seq: 20, user: 'cy', ts: 20, message: entry(1, 0, { id: 'a', pinned: true }) }];
  h = Harness.start({ routes: { 'GET /v1/rooms/lobby/pins': () => ({ body: { pins: list, more: false } }) } });
  const peer = await h.lobby([entry(40, 0)]);
  await until(() => h!.live);
  const pins = new Pins(h.client, 'lobby');
  await until(() => pins.now.list.length === 1);
  list = [];
  peer.send(reset(50, 40));
  await until(() => pins.now.list.length === 0);
  pins.close();
});
