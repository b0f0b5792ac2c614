import { describe, expect, test } from 'vitest';
import type { LogEvent } from './protocol.ts';
import { RoomLog } from './roomlog.ts';

const base = { room: 'lobby', user: 'bo', name: 'Bo', ts: 1 };
const msg = (seq: number, prev: number, id = `m${seq}`): LogEvent => ({ ...base, type: 'msg', seq, prev, id, text: id });
const change = (seq: number, prev: number, rest: object): LogEvent => ({ ...base, seq, prev, id: `c${seq}`, ...rest }) as LogEvent;
const ids = (log: RoomLog) => log.messages.map((m) => m.id);

/** A log that holds m10 and m20 and is live. */
function started(): RoomLog {
  const log = new RoomLog();
  log.page([msg(10, 0), msg(20, 10)] as never[], true);
  log.complete(20);
  return log;
}

describe('live events', () => {
  test.each<[string, LogEvent, string, string[]]>([
    ['the next is applied', msg(30, 20), 'applied', ['m10', 'm20', 'm30']],
    ['one that skips something is a gap', msg(40, 30), 'gap', ['m10', 'm20']],
    ['one before what is held is a gap: the log is another', msg(30, 10), 'gap', ['m10', 'm20']],
    ['a repeat is dropped', msg(20, 10), 'duplicate', ['m10', 'm20']],
    ['an unknown id at a known seq means that the log was rewound', msg(20, 10, 'other'), 'rewound', ['m10', 'm20']],
    ['the same id at a later seq is dropped', msg(30, 20, 'm10'), 'duplicate', ['m10', 'm20']],
  ])('%s', (_, event, outcome, after) => {
    const log = started();
    expect(log.applyLive(event)).toBe(outcome);
    expect(ids(log)).toEqual(after);
  });

  test('a duplicate id moves the position on', () => {
    const log = started();
    log.applyLive(msg(30, 20, 'm10'));
    expect(log.applyLive(msg(40, 30))).toBe('applied');
  });

  test('a join without an event moves the position on', () => {
    const log = started();
    log.complete(25);
    expect(log.applyLive(msg(30, 25))).toBe('applied');
    expect(log.position).toEqual({ seq: 30, id: 'm30' });
  });

  test('the same id of another sender is another message', () => {
    const log = started();
    expect(log.applyLive({ ...msg(30, 20, 'm10'), user: 'cy' })).toBe('applied');
  });
});

describe('two messages with one id', () => {
  /** A log in which Bo and then Cy have said something as m10. */
  function twins(): RoomLog {
    const log = started();
    log.applyLive({ ...msg(30, 20, 'm10'), user: 'cy', text: 'of cy' } as LogEvent);
    return log;
  }
  const texts = (log: RoomLog) => log.messages.map((m) => (m.deleted ? 'deleted' : m.text));

  test.each<[string, object, string[]]>([
    ['a delete takes the one of its author', { type: 'deleted', target: 'm10', author: 'bo' }, ['deleted', 'm20', 'of cy']],
    ['a delete leaves the one of another', { type: 'deleted', target: 'm10', author: 'cy' }, ['m10', 'm20', 'deleted']],
    ['a delete of an author who has none takes none', { type: 'deleted', target: 'm10', author: 'di' }, ['m10', 'm20', 'of cy']],
    ['a delete without an author takes the first', { type: 'deleted', target: 'm10' }, ['deleted', 'm20', 'of cy']],
    ['an edit without an author is of its own user', { type: 'edited', user: 'cy', target: 'm10', text: 'new' }, ['m10', 'm20', 'new']],
    ['an edit changes the one of its author', { type: 'edited', target: 'm10', author: 'bo', text: 'new' }, ['new', 'm20', 'of cy']],
  ])('%s', (_, rest, after) => {
    const log = twins();
    expect(log.applyLive(change(40, 30, rest))).toBe('applied');
    expect(texts(log)).toEqual(after);
  });

  test('reactions and pins are on the one of their author', () => {
    const log = twins();
    log.applyLive(change(40, 30, { type: 'reacted', target: 'm10', author: 'bo', emoji: '👍', on: true }));
    log.applyLive(change(50, 40, { type: 'pinned', target: 'm10', author: 'cy', on: true }));
    expect(log.messages.map((m) => [Object.keys(m.reactions).length, m.pinned === true])).toEqual([[1, false], [0, false], [0, true]]);
  });

  test('an answer names both', () => {
    const log = twins();
    log.applyLive(change(40, 30, { type: 'msg', text: 'yes', reply_to: 'm10', reply_author: 'cy' }));
    log.applyLive(change(50, 40, { type: 'msg', text: 'no', reply_to: 'm10' }));
    expect(log.messages.slice(-2).map((m) => m.replyTo)).toEqual([{ id: 'm10', user: 'cy' }, { id: 'm10' }]);
  });
});

describe('changes', () => {
  test('edit, react and pin show on the message, and a delete takes all of it', () => {
    const log = started();
    log.applyLive(change(21, 20, { type: 'edited', target: 'm10', text: 'new', ts: 7 }));
    log.applyLive(change(22, 21, { type: 'reacted', target: 'm10', emoji: '👍', on: true }));
    log.applyLive(change(23, 22, { type: 'pinned', target: 'm10', on: true }));
    expect(log.messages[0]).toMatchObject({ text: 'new', editedTs: 7, pinned: true, reactions: { '👍': ['bo'] } });
    log.applyLive(change(24, 23, { type: 'reacted', target: 'm10', emoji: '👍', on: false }));
    expect(log.messages[0]!.reactions).toEqual({});
    log.applyLive(change(25, 24, { type: 'deleted', target: 'm10' }));
    expect(log.messages[0]).toMatchObject({ text: '', deleted: true, pinned: false });
    log.applyLive(change(26, 25, { type: 'edited', target: 'm10', text: 'back', ts: 9 }));
    expect(log.messages[0]!.text).toBe('');
  });

  test('a change that was heard before the page of history is applied to it', () => {
    const log = started();
    log.applyLive(change(30, 20, { type: 'edited', target: 'm5', text: 'new', ts: 7 }));
    log.page([msg(5, 0)] as never[]);
    expect(log.messages[0]).toMatchObject({ id: 'm5', text: 'new', editedTs: 7 });
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('a reaction called %s is one like any other', (emoji) => {
    const log = started();
    expect(log.applyLive(change(21, 20, { type: 'reacted', target: 'm10', emoji, on: true }))).toBe('applied');
    expect(Object.entries(log.messages[0]!.reactions)).toEqual([[emoji, ['bo']]]);
    log.applyLive(change(22, 21, { type: 'reacted', target: 'm10', emoji, on: false }));
    expect(Object.entries(log.messages[0]!.reactions)).toEqual([]);
  });

  test('a change of before a reset is not applied to what the log then has', () => {
    const log = started();
    log.applyLive(change(21, 20, { type: 'edited', target: 'm10', text: 'void', ts: 7 }));
    log.reset(15);
    log.page([msg(10, 0)] as never[]);
    expect(log.messages[0]!.text).toBe('m10');
  });

  test('a change is none of a message that came after it', () => {
    const log = started();
    log.applyLive(change(30, 20, { type: 'edited', target: 'm50', text: 'of another', ts: 7 }));
    log.applyLive(msg(50, 30));
    log.page([msg(5, 0)] as never[]);
    expect(log.messages.at(-1)).toMatchObject({ id: 'm50', text: 'm50' });
  });

  test('messages that did not change stay the same objects', () => {
    const log = started();
    const before = log.messages;
    log.applyLive(change(21, 20, { type: 'edited', target: 'm20', text: 'new', ts: 7 }));
    expect(log.messages).not.toBe(before);
    expect(log.messages[0]).toBe(before[0]);
  });
});

test('pages merge in order, without repeats', () => {
  const log = started();
  log.page([msg(1, 0), msg(5, 1), msg(10, 5)] as never[]);
  expect(ids(log)).toEqual(['m1', 'm5', 'm10', 'm20']);
  expect(log.position).toEqual({ seq: 20, id: 'm20' });
});

test('after a rewind only what is new counts', () => {
  const log = started();
  log.reset(15);
  log.page([msg(10, 0)] as never[]);
  expect(log.position).toEqual({ seq: 15 });
  expect(log.applyLive(msg(18, 15))).toBe('applied');
  expect(ids(log)).toEqual(['m10', 'm18']);
});

test.each(['applyLive', 'applyReplayed'] as const)('a reset (%s) empties the log, whatever is missing before it', (how) => {
  const log = started();
  const { resets } = log;
  expect(log[how](change(50, 40, { type: 'reset', id: 'r' }))).toBe('applied');
  expect(ids(log)).toEqual([]);
  expect([log.position, log.resets]).toEqual([{ seq: 50, id: 'r' }, resets + 1]);
  expect(log.applyLive(msg(60, 50))).toBe('applied');
  expect(log[how](change(50, 40, { type: 'reset', id: 'r' }))).toBe('duplicate');
  expect(ids(log)).toEqual(['m60']);
});

test('a log without an entry is resumed from where it began', () => {
  const log = new RoomLog();
  expect(log.position).toBeUndefined();
  log.page([], true);
  expect(log.position).toEqual({ seq: 0 });
  log.complete(15);
  expect(log.position).toEqual({ seq: 15 });
});

test('a trimmed log keeps its position', () => {
  const log = started();
  expect(log.trim(1)).toBe(true);
  expect(ids(log)).toEqual(['m20']);
  expect(log.has('bo', 'm10')).toBe(false);
  expect(log.applyLive(msg(10, 0))).toBe('duplicate');
  expect(log.applyLive(msg(30, 20))).toBe('applied');
});

test('what a trimmed log let go comes again with its page', () => {
  const log = started();
  log.trim(1);
  log.page([msg(5, 0), msg(10, 5)] as never[]);
  expect(ids(log)).toEqual(['m5', 'm10', 'm20']);
});

describe('acts of moderation', () => {
  const act = (seq: number, prev: number): LogEvent => change(seq, prev, { type: 'moderated', act: 'mute', member: 'cy' });
  const seqs = (log: RoomLog) => log.systemEvents.map((a) => a.seq);

  test('are kept in order, each once, as long as the log goes on', () => {
    const log = started();
    const before = log.systemEvents;
    log.applyLive(act(30, 20));
    log.applyLive(msg(40, 30));
    log.applyLive(act(50, 40));
    expect(log.applyLive(act(50, 40))).toBe('duplicate');
    expect(seqs(log)).toEqual([30, 50]);
    expect(before).toEqual([]);
    expect(ids(log)).toEqual(['m10', 'm20', 'm40']);
  });

  test('of before a reset are forgotten', () => {
    const log = started();
    log.applyLive(act(30, 20));
    log.reset(40);
    expect(seqs(log)).toEqual([]);
    log.applyLive(act(50, 40));
    expect(seqs(log)).toEqual([50]);
  });

  test('are the newest ones, of very many', () => {
    const log = started();
    for (let seq = 21; seq <= 620; seq++) log.applyLive(act(seq, seq - 1));
    expect(log.systemEvents).toHaveLength(500);
    expect([log.systemEvents[0]!.seq, log.systemEvents.at(-1)!.seq]).toEqual([121, 620]);
  });
});

test('the acts of a page stand between its messages, once, and are no news', () => {
  const log = new RoomLog();
  const act = (seq: number) => ({ type: 'moderated', seq, prev: 0, room: 'r', id: `a${seq}`, user: 'mod', name: 'Mo', ts: seq, act: 'mute' }) as const;
  expect(log.page([msg(20, 10)] as never[], true, [act(25)])).toBe(true);
  expect(log.position).toEqual({ seq: 20, id: 'm20' });
  expect(log.applyLive({ ...act(25), prev: 20 } as never)).toBe('applied'); // the join brings it again
  log.page([msg(10, 0)] as never[], false, [act(15), act(5)]);
  expect(log.systemEvents.map((a) => a.seq)).toEqual([5, 15, 25]);
  expect(log.messages.map((m) => m.seq)).toEqual([10, 20]);
});

test('what retention has removed is here no more: not shown, not quoted, and not known by its name', () => {
  const log = started();
  log.addQuotes([{ user: 'bo', id: 'm5' }], [msg(5, 0)] as never[]);
  expect([log.has('bo', 'm10'), log.dropBefore(20), log.has('bo', 'm10'), log.has('bo', 'm20')]).toEqual([true, true, false, true]);
  expect(ids(log)).toEqual(['m20']);
  expect([...log.quotes.values()]).toEqual([undefined]);
  expect(log.dropBefore(20)).toBe(false);
});
