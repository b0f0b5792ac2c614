import { afterEach, describe, expect, test } from 'vitest';
import { entry, Harness } from '../../test/harness.ts';
import { until } from '../../test/surroundings.ts';

/** What the server says of the lobby. */
function room(fields: object = {}): Record<string, unknown> {
  return { room: 'lobby', read: 10, through: 10, unread: 0, mentions: 0, ...fields };
}

let h: Harness;
afterEach(() => h.stop());

/** A client whose server has an inbox. */
function started(first: Record<string, unknown>): { say: (r: Record<string, unknown>) => void } {
  let inbox = first;
  h = Harness.start({
    routes: {
      'GET /v1/inbox': () => ({ body: { rooms: [inbox] } }),
      'POST /v1/rooms/lobby/unread': (body) => {
        inbox = room({ read: (body as { seq: number }).seq - 1, through: 30, unread: 2, first_unread: (body as { seq: number }).seq });
        return {};
      },
      'POST /v1/read': () => {
        inbox = room({ read: 30, through: 30 });
        return {};
      },
    },
  });
  return { say: (r) => (inbox = r) };
}

/** Waits until the lobby is live and what is new in it is known. */
async function ready(messages: object[], more = false) {
  const peer = await h.lobby(messages, more);
  await until(() => h.live && h.client.inbox.get('lobby') !== undefined);
  return peer;
}
const unread = () => h.client.unread('lobby');

describe('what is new is the server’s to say', () => {
  test('of a room whose last messages alone are here', async () => {
    started(room({ read: 10, through: 200, unread: 99, more: true, mentions: 3, first_unread: 11, first_mention: 14 }));
    await ready([entry(190, 0), entry(200, 190)], true);
    expect(unread()).toEqual({ count: 99, more: true, mentions: 3, first: 11 });
  });

  test('and what comes after that counts, too', async () => {
    started(room({ through: 20, unread: 1, mentions: 0, first_unread: 20 }));
    const peer = await ready([entry(10, 0), entry(20, 10)]);
    expect(unread()).toEqual({ count: 1, more: false, mentions: 0, first: 20 });
    peer.send(entry(30, 20), entry(31, 30, { user: 'ada' }), entry(5, 0, { type: 'mentioned', room: 'u-ada', target: 'lobby', at: 30, on: true, id: 'n1' }));
    await until(() => unread().mentions === 1);
    expect(unread()).toEqual({ count: 2, more: false, mentions: 1, first: 20 });
    peer.send(entry(6, 5, { type: 'mentioned', room: 'u-ada', target: 'lobby', at: 30, id: 'n2' }));
    await until(() => unread().mentions === 0);
    // A mention of all is told in the room.
    peer.send(entry(32, 31, { type: 'mentioned', at: 30, on: true, id: 'n3' }));
    await until(() => unread().mentions === 1);
    peer.send(entry(33, 32, { type: 'deleted', target: 'm30', author: 'bo' }));
    await until(() => unread().mentions === 0);
    expect(unread().count).toBe(1);
  });

  test('until it is read here', async () => {
    started(room({ read: 10, through: 20, unread: 2, mentions: 1, first_unread: 15, first_mention: 15 }));
    await ready([entry(15, 10), entry(20, 15)]);
    expect(unread().count).toBe(2);
    h.client.reads.mark('lobby', 20);
    expect(unread()).toEqual({ count: 0, more: false, mentions: 0 });
  });

  test('also when another device has taken it back', async () => {
    const { say } = started(room({ read: 20, through: 20 }));
    const peer = await ready([entry(15, 10), entry(20, 15)]);
    expect(unread().count).toBe(0);
    say(room({ read: 14, through: 20, unread: 2, first_unread: 15 }));
    peer.send(entry(7, 6, { type: 'changed', room: 'u-ada', target: 'inbox', id: 'c1' }));
    await until(() => unread().count === 2);
    expect(h.client.reads.mine('lobby')).toBe(14);
  });
});

test('a message is marked as unread, and everything as read', async () => {
  started(room({ read: 30, through: 30 }));
  await ready([entry(20, 10), entry(30, 20)]);
  await h.client.markUnread('lobby', 20);
  expect(unread()).toEqual({ count: 2, more: false, mentions: 0, first: 20 });
  await h.client.markRead();
  expect(unread()).toEqual({ count: 0, more: false, mentions: 0 });
});

test('what was read here and not told yet is not taken back by the server', async () => {
  started(room({ read: 10, through: 30, unread: 2, first_unread: 20 }));
  await ready([entry(20, 10), entry(30, 20)]);
  h.client.reads.mark('lobby', 20);
  h.client.reads.mark('lobby', 30); // told in a second
  h.client.reads.replaceFromServer([{ room: 'lobby', read: 20 }]);
  expect(h.client.reads.mine('lobby')).toBe(30);
});
