import { beforeEach, describe, expect, test } from 'vitest';
import { Inbox, type InboxRoom } from './inbox.ts';

let inbox: Inbox;
let changes: string[];
beforeEach(() => {
  inbox = new Inbox();
  changes = [];
  inbox.on('change', (room) => changes.push(room));
});

const room = (fields: Partial<InboxRoom> = {}): InboxRoom => ({ room: 'a', read: 0, through: 100, unread: 0, more: false, mentions: 0, ...fields });

describe('a mention that comes live', () => {
  test('is behind those before it, each once, in order', () => {
    for (const seq of [30, 10, 20, 10]) inbox.mentioned('a', seq, true);
    inbox.mentioned('b', 5, true);
    expect([inbox.mentionsAfter('a', 0), inbox.mentionsAfter('a', 10), inbox.mentionsAfter('b', 0)]).toEqual([[10, 20, 30], [20, 30], [5]]);
    expect(changes).toEqual(['a', 'a', 'a', 'a', 'b']);
  });

  test('may be taken back', () => {
    inbox.mentioned('a', 10, true);
    inbox.mentioned('a', 20, true);
    inbox.mentioned('a', 10, false);
    expect(inbox.mentionsAfter('a', 0)).toEqual([20]);
  });

  test('of very many the newest are remembered', () => {
    for (let seq = 600; seq > 0; seq--) inbox.mentioned('a', seq, true);
    expect([inbox.mentionsAfter('a', 0).length, inbox.mentionsAfter('a', 0).at(-1), inbox.mentionsAfter('a', 0)[0]]).toEqual([500, 600, 101]);
  });

  test('that the server has counted is not counted again', () => {
    inbox.take([room({ mentions: 2, firstMention: 50 })]);
    changes.length = 0;
    for (const seq of [50, 100]) inbox.mentioned('a', seq, true);
    expect([inbox.mentionsAfter('a', 0), changes]).toEqual([[], []]);
    inbox.mentioned('a', 101, true); // after that
    inbox.mentioned('a', 40, true); // before the first that was counted: it has become one since
    expect(inbox.mentionsAfter('a', 0)).toEqual([40, 101]);
  });

  test('that the server has not counted, in what it has gone through, is one', () => {
    inbox.take([room({ mentions: 0 })]);
    inbox.mentioned('a', 50, true);
    expect(inbox.mentionsAfter('a', 0)).toEqual([50]);
  });
});

test('what the server says takes the place of what came live through there, and no more', () => {
  for (const seq of [90, 100, 110]) inbox.mentioned('a', seq, true);
  inbox.mentioned('b', 10, true);
  inbox.take([room({ mentions: 3, firstMention: 80 })]);
  expect([inbox.get('a')!.mentions, inbox.mentionsAfter('a', 0), inbox.mentionsAfter('b', 0)]).toEqual([3, [110], [10]]);
});

test('a room that was left is forgotten', () => {
  inbox.take([room()]);
  inbox.mentioned('a', 110, true);
  inbox.forget('a');
  expect([inbox.get('a'), inbox.mentionsAfter('a', 0)]).toEqual([undefined, []]);
});
