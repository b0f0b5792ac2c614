import { afterEach, describe, expect, test } from 'vitest';
import { entry, Harness } from '../../test/harness.ts';
import { until } from '../../test/surroundings.ts';
import { Pins, readPins } from './pins.ts';

let h: Harness | undefined;
afterEach(() => h?.stop());

const pinned = (seq: number, target: string, fields: object = {}) => ({
  seq, user: 'cy', name: 'Cy', ts: seq, message: entry(1, 0, { id: target, text: `text of ${target}`, pinned: true, pinned_by: 'cy', pinned_ts: seq, ...fields }),
});
const about = (seq: number, prev: number, type: string, target: string, fields: object = {}) =>
  entry(seq, prev, { type, id: `e${seq}`, target, author: 'bo', text: undefined, ...fields });
const texts = (pins: Pins) => pins.now.list.map((p) => `${p.message.text} by ${p.name}`);

describe('the pins of a room', () => {
  test('are loaded in pages, and follow what happens', async () => {
    let first = [pinned(30, 'a'), pinned(20, 'b')];
    const asked: string[] = [];
    const answer = (pins: object[], more: boolean) => (asked.push('asked'), { body: { pins, more } });
    h = Harness.start({ routes: {
      'GET /v1/rooms/lobby/pins': () => answer(first, true),
      'GET /v1/rooms/lobby/pins?before=20': () => answer([pinned(10, 'c')], false),
    } });
    const peer = await h.lobby([entry(40, 0)]);
    await until(() => h!.live);
    const pins = new Pins(h.client, 'lobby');
    await until(() => pins.state === 'loaded');
    expect(pins.now.list[0]).toMatchObject({ seq: 30, user: 'cy', ts: 30, message: { pinned: true, pinnedBy: 'cy', pinnedTs: 30 } });
    await pins.further();
    expect(texts(pins)).toEqual(['text of a by Cy', 'text of b by Cy', 'text of c by Cy']);
    expect(pins.now.more).toBe(false);

    peer.send(about(50, 40, 'edited', 'b', { text: 'changed' }), about(51, 50, 'pinned', 'a'), about(52, 51, 'deleted', 'c'));
    await until(() => pins.now.list.length === 1);
    expect(texts(pins)).toEqual(['changed by Cy']);
    first = [pinned(53, 'd'), pinned(20, 'b')];
    peer.send(about(53, 52, 'pinned', 'd', { on: true }));
    await until(() => texts(pins)[0] === 'text of d by Cy');
    pins.close();
    const n = asked.length;
    peer.send(about(54, 53, 'pinned', 'e', { on: true }));
    await until(() => h!.client.rooms.get('lobby')!.log.position?.seq === 54);
    expect(asked).toHaveLength(n);
  });

  test('cannot be loaded, and then are', async () => {
    let works = false;
    h = Harness.start({ routes: { 'GET /v1/rooms/lobby/pins': () => (works ? { body: { pins: [], more: false } } : { status: 403, body: { code: 'forbidden' } }) } });
    await h.lobby([entry(10, 0)]);
    const pins = new Pins(h.client, 'lobby');
    await until(() => pins.state === 'failed');
    works = true;
    await pins.load();
    expect(pins.state).toBe('loaded');
    pins.close();
  });

  test('are read without what is none', () => {
    expect(readPins({ pins: [null, 1, {}, { seq: 1, user: 'cy' }, pinned(2, 'a')], more: 1 })).toMatchObject({ list: [{ seq: 2 }], more: false });
    expect(() => readPins({})).toThrow('something else than pins');
  });
});

test('a message says who pinned it, and when', async () => {
  h = Harness.start();
  const peer = await h.lobby([entry(10, 0)]);
  await until(() => h!.live);
  const message = () => h!.client.rooms.get('lobby')!.log.messages[0]!;
  peer.send(about(20, 10, 'pinned', 'm10', { user: 'cy', on: true, ts: 7 }));
  await until(() => message().pinned === true);
  expect(message()).toMatchObject({ pinnedBy: 'cy', pinnedTs: 7 });
  peer.send(about(30, 20, 'pinned', 'm10', { user: 'cy' }));
  await until(() => message().pinned === false);
  expect(message().pinnedBy).toBeUndefined();
});
