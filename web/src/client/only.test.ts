import { afterEach, expect, test } from 'vitest';
import { Harness, lobby } from '../../test/harness.ts';

let h: Harness;
afterEach(() => h.stop());

test('a client that is to follow some rooms joins no others, also one that was named before there was a connection', async () => {
  h = Harness.start({ only: new Set(['lobby']), rooms: [lobby, { ...lobby, id: 'other', name: 'Other' }] });
  void h.client.admit(lobby);
  await h.lobby();
  await expect.poll(() => h.live).toBe(true);
  expect([...h.client.rooms.keys()]).toEqual(['lobby']);
});

test('a room is looked at as long as one of several viewers looks at it', async () => {
  h = Harness.start();
  const peer = await h.lobby();
  await expect.poll(() => h.live).toBe(true);
  const [one, two] = [{}, {}];
  h.client.focus('lobby', one);
  h.client.focus('lobby', two);
  expect(await peer.next('watch')).toMatchObject({ room: 'lobby', on: true });
  h.client.focus(undefined, one);
  h.client.focus('lobby', one);
  h.client.focus(undefined, one);
  h.client.focus(undefined, two);
  expect(await peer.next('watch')).toMatchObject({ room: 'lobby', on: false });
});
