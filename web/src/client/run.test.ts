import { describe, expect, test } from 'vitest';
import type { LogEvent, ModeratedEvent } from './protocol.ts';
import { RoomLog } from './roomlog.ts';

// The run of messages that a log holds, and the past beside it: by itself, without a room.

const base = { room: 'lobby', user: 'bo', name: 'Bo', ts: 1 };
const msg = (seq: number, prev = seq - 10, id = `m${seq}`): LogEvent => ({ ...base, type: 'msg', seq, prev, id, text: id });
const change = (seq: number, rest: object): LogEvent => ({ ...base, seq, prev: seq - 10, id: `c${seq}`, author: 'bo', ...rest }) as LogEvent;
const page = (from: number, to: number) => Array.from({ length: (to - from) / 10 + 1 }, (_, i) => msg(from + 10 * i)) as never[];
const seqs = (messages: readonly { seq: number }[] | undefined) => messages?.map((m) => m.seq);
const range = (from: number, to: number) => Array.from({ length: (to - from) / 10 + 1 }, (_, i) => from + 10 * i);
const act = (seq: number) => ({ ...base, type: 'moderated', act: 'mute', seq, prev: 0, id: `a${seq}` }) as unknown as ModeratedEvent;

/** A log with the messages between two seqs. */
function holds(from: number, to: number): RoomLog {
  const log = new RoomLog();
  log.page(page(from, to), true);
  return log;
}

describe('what comes', () => {
  test('again at another place is heard once, however much came between', () => {
    const log = holds(10, 20);
    expect(log.applyLive(change(30, { type: 'reacted', target: 'm10', emoji: '+', on: true }))).toBe('applied');
    for (let seq = 40; seq <= 90; seq += 10) log.applyLive(change(seq, { type: 'pinned', target: 'm20', on: true }));
    log.applyLive(change(100, { type: 'reacted', target: 'm10', emoji: '+', on: false, id: 'c100' }));
    expect(log.applyReplayed({ ...change(110, { type: 'reacted', target: 'm10', emoji: '+', on: true }), id: 'c30' })).toBe('duplicate');
    expect(log.messages[0]!.reactions).toEqual({});
    expect(log.through).toBe(110);
  });

  test('at a seq that is passed and is no message proves nothing of the log', () => {
    const log = holds(10, 30);
    expect(log.applyLive(change(20, { type: 'pinned', target: 'm10', on: true }))).toBe('duplicate');
    expect(log.applyLive(msg(5, 0))).toBe('duplicate'); // older than all that is held
    expect(log.applyLive(msg(10, 0, 'other'))).toBe('duplicate'); // as old as the first
    expect(log.applyLive(msg(20, 10, 'other'))).toBe('rewound');
  });

  test('never takes the end of the log back', () => {
    const log = holds(10, 20);
    log.complete(50);
    log.complete(30);
    expect(log.through).toBe(50);
    expect(log.applyLive(msg(60, 50))).toBe('applied');
  });

  test('before the end of a page of history is a page too, and moves no position', () => {
    const log = holds(50, 60);
    log.complete(70);
    log.page(page(30, 40));
    expect(log.position).toEqual({ seq: 60, id: 'm60' });
    expect(log.through).toBe(70);
    expect(seqs(log.messages)).toEqual(range(30, 60));
  });

  test('after a reset is judged by the log that there is then', () => {
    const log = holds(10, 20);
    const { resets } = log;
    log.reset(100);
    expect(log.resets).toBe(resets + 1);
    expect(log.position).toEqual({ seq: 100 });
    expect(log.applyLive(msg(110, 100))).toBe('applied');
  });
});

describe('a change', () => {
  test('of the same moment as the one before counts, and the last is seen', () => {
    const log = holds(10, 10);
    log.applyLive(change(20, { type: 'edited', target: 'm10', text: 'one', ts: 5 }));
    log.applyLive(change(30, { type: 'edited', target: 'm10', text: 'two', ts: 5 }));
    expect(log.messages[0]).toMatchObject({ text: 'two', editedTs: 5 });
  });

  test('that deletes takes reactions, pin and text, and nothing after it brings any back', () => {
    const log = holds(10, 10);
    log.applyLive(change(20, { type: 'reacted', target: 'm10', emoji: '+', on: true }));
    log.applyLive(change(30, { type: 'pinned', target: 'm10', on: true }));
    log.applyLive(change(40, { type: 'deleted', target: 'm10' }));
    const gone = { text: '', deleted: true, pinned: false, reactions: {} };
    expect(log.messages[0]).toMatchObject(gone);
    log.applyLive(change(50, { type: 'edited', target: 'm10', text: 'back', ts: 9 }));
    log.applyLive(change(60, { type: 'reacted', target: 'm10', emoji: '-', on: true }));
    log.applyLive(change(70, { type: 'pinned', target: 'm10', on: true }));
    expect(log.messages[0]).toMatchObject(gone);
  });

  test('puts each user once, and takes back one alone', () => {
    const log = holds(10, 10);
    const put = (seq: number, user: string, on: boolean) => log.applyLive(change(seq, { type: 'reacted', target: 'm10', emoji: '+', user, on, id: `${user}${seq}` }));
    put(20, 'ada', true);
    put(30, 'cy', true);
    put(40, 'ada', true);
    expect(log.messages[0]!.reactions).toEqual({ '+': ['ada', 'cy'] });
    put(50, 'ada', false);
    expect(log.messages[0]!.reactions).toEqual({ '+': ['cy'] });
    put(60, 'cy', false);
    expect(log.messages[0]!.reactions).toEqual({});
  });

  test('takes a pin off again', () => {
    const log = holds(10, 10);
    log.applyLive(change(20, { type: 'pinned', target: 'm10', on: true }));
    log.applyLive(change(30, { type: 'pinned', target: 'm10', on: false }));
    expect(log.messages[0]!.pinned).toBe(false);
  });

  test('without an author is of the first with the id, but an edit is of who edits', () => {
    const log = new RoomLog();
    log.page([{ ...msg(10), id: 'x', user: 'ada' }, { ...msg(20), id: 'x', user: 'cy' }] as never[], true);
    log.applyLive({ ...change(30, { type: 'edited', target: 'x', text: 'mine', ts: 5, user: 'cy' }), author: undefined } as never);
    log.applyLive({ ...change(40, { type: 'pinned', target: 'x', on: true }), author: undefined } as never);
    expect(log.messages.map((m) => [m.text, m.pinned])).toEqual([['m10', true], ['mine', undefined]]);
  });

  test('of many to a message that is not loaded is known when it is', () => {
    const log = holds(50, 60);
    const users = ['ada', 'cy', 'di', 'eve'];
    users.forEach((user, i) => log.applyLive({ ...change(70 + 10 * i, { type: 'reacted', target: 'm10', emoji: '+', on: true, user, id: user }) }));
    log.applyLive(change(110, { type: 'edited', target: 'm10', text: 'new', ts: 5 }));
    log.page(page(10, 40));
    expect(log.messages[0]).toMatchObject({ text: 'new', reactions: { '+': users } });
  });

  test('is known of the message that it was made to, also when a page brings that again', () => {
    const log = holds(10, 30);
    log.applyLive(change(40, { type: 'edited', target: 'm20', text: 'new', ts: 5 }));
    log.page(page(10, 30));
    expect(log.messages.map((m) => m.text)).toEqual(['m10', 'new', 'm30']);
  });
});

describe('the past', () => {
  test('is a page that does not reach the rest, and the rest stays', () => {
    const log = holds(100, 120);
    log.pageAround(page(10, 30));
    expect([seqs(log.shown), seqs(log.messages)]).toEqual([range(10, 30), range(100, 120)]);
    expect(log.leavePast()).toBe(true);
    expect([seqs(log.shown), log.leavePast()]).toEqual([range(100, 120), false]);
  });

  test('is none where a page ends with the first message that is here', () => {
    const log = holds(100, 120);
    log.pageAround(page(80, 100));
    expect([log.past, seqs(log.messages)]).toEqual([undefined, range(80, 120)]);
  });

  test('goes on backwards, up to so many, and each message is there once', () => {
    const log = holds(100, 120);
    log.pageAround(page(50, 60));
    log.pageBefore(page(30, 50), 10);
    expect(seqs(log.past)).toEqual(range(30, 60));
    log.pageBefore(page(10, 20), 3);
    expect(seqs(log.past)).toEqual(range(10, 30));
  });

  test('goes on forwards, up to so many, and says when the oldest went', () => {
    const log = holds(100, 120);
    log.pageAround(page(10, 30));
    expect(log.pageAfter(page(30, 50), 10)).toBe(false);
    expect(seqs(log.past)).toEqual(range(10, 50));
    expect(log.pageAfter(page(60, 70), 4)).toBe(true);
    expect(seqs(log.past)).toEqual(range(40, 70));
    expect(log.pageAfter(page(80, 110), 20)).toBe(false);
    expect([log.past, seqs(log.messages)]).toEqual([undefined, range(40, 120)]);
  });

  test('that is one with the rest again knows its messages', () => {
    const log = holds(30, 50);
    log.pageAround(page(10, 10));
    log.pageAfter(page(20, 30), 10);
    expect(log.has('bo', 'm10')).toBe(true);
    expect(log.applyLive(msg(60, 50, 'm10'))).toBe('duplicate');
    expect(seqs(log.messages)).toEqual(range(10, 50));
  });

  test('that meets the rest lets the oldest go, and says so', () => {
    const log = holds(40, 50);
    log.pageAround(page(10, 20));
    expect(log.pageAfter(page(30, 40), 3)).toBe(true);
    expect(seqs(log.messages)).toEqual(range(30, 50));
  });

  test('that lies within the rest is one with it, whatever page comes', () => {
    const log = holds(10, 1500);
    log.enterPast(750, 100);
    expect([seqs(log.past), seqs(log.messages)]).toEqual([range(250, 1240), range(510, 1500)]);
    log.pageAfter([], 1000);
    expect([log.past, seqs(log.messages)]).toEqual([undefined, range(250, 1500)]);
  });

  test('changes with what is said of its messages', () => {
    const log = holds(100, 120);
    log.pageAround(page(10, 30));
    log.applyLive({ ...change(130, { type: 'edited', target: 'm20', text: 'new', ts: 5 }), prev: 120 });
    expect(log.past!.map((m) => m.text)).toEqual(['m10', 'new', 'm30']);
  });

  test('is what is around a place, and no more than the end is kept beside it', () => {
    const log = holds(10, 3000);
    expect(log.enterPast(1500, 10)).toBe(true);
    expect(seqs(log.past)).toEqual(range(1450, 1540));
    expect(seqs(log.messages)).toEqual(range(2010, 3000));
    expect(log.enterPast(1500, 5)).toBe(false); // it is apart already
    expect(seqs(log.past)).toEqual(range(1450, 1540));
    const begin = holds(10, 300);
    expect([begin.enterPast(10, 10), seqs(begin.past)]).toEqual([false, range(10, 100)]);
    const end = holds(10, 300);
    expect([end.enterPast(300, 10), seqs(end.past)]).toEqual([true, range(210, 300)]);
    const few = holds(10, 100);
    expect([few.enterPast(50, 10), few.past]).toEqual([false, undefined]);
  });

  test('keeps the rest short while much is said', () => {
    const log = holds(1000, 1020);
    log.pageAround(page(10, 30));
    for (let seq = 1030; seq <= 8000; seq += 10) log.applyLive(msg(seq));
    expect(log.messages.length).toBeLessThanOrEqual(300);
    expect(log.messages.at(-1)!.seq).toBe(8000);
  });
});

test('an act that a page and the log both have is kept once, in order', () => {
  const log = holds(10, 20);
  log.applyLive({ ...act(30), prev: 20 } as never);
  log.page([], false, [act(30), act(15)]);
  expect(seqs(log.systemEvents)).toEqual([15, 30]);
});
