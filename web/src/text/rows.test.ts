import { describe, expect, test } from 'vitest';
import type { Message, ModeratedEvent, NoticeEvent, Outgoing } from '../client/index.ts';
import { timeline, type Item } from './timeline.ts';

const noon = new Date(2026, 4, 3, 12).getTime();
const minute = 60_000;
const me = { id: 'ada', name: 'Ada' };
const said = (seq: number, user = 'bo', rest: Partial<Message> = {}): Message =>
  ({ room: 'r', id: `m${seq}`, seq, user, name: user, ts: noon + seq * 1_000, text: `text ${seq}`, reactions: {}, ...rest });
const act = (seq: number): ModeratedEvent => ({ type: 'moderated', act: 'mute', room: 'r', seq, prev: 0, id: `a${seq}`, user: 'mod', name: 'Mod', ts: noon }) as unknown as ModeratedEvent;
const waiting = (id: string): Outgoing => ({ room: 'r', id, text: `text ${id}`, ts: noon + 100_000, state: 'sending' });
const options = { me, newAfter: undefined, notices: [] as { key: string; notice: NoticeEvent }[] };
/** What stands there: of messages the id, with > where a group begins. */
const shows = (items: readonly Item[]) => items.map((i) => (i.kind === 'message' ? (i.first ? '>' : '') + i.id : i.kind === 'act' ? i.key : i.kind));

describe('a group begins', () => {
  test('with an answer, and goes on after it', () => {
    expect(shows(timeline([said(1), said(2), said(3, 'bo', { replyTo: { id: 'm1', user: 'bo' } }), said(4)], [], options))).toEqual(['day', '>m1', 'm2', '>m3', 'm4']);
  });

  test('after an act of moderation, once', () => {
    expect(shows(timeline([said(1), said(3), said(4)], [], { ...options, systemEvents: [act(2)] }))).toEqual(['day', '>m1', 'act-2', '>m3', 'm4']);
  });

  test('with a new day, however close', () => {
    const midnight = new Date(2026, 4, 4).getTime();
    const late = [said(1, 'bo', { ts: midnight - 1_000 }), said(2, 'bo', { ts: midnight + 1_000 }), said(3, 'bo', { ts: midnight + 2_000 })];
    expect(shows(timeline(late, [], options))).toEqual(['day', '>m1', 'day', '>m2', 'm3']);
  });

  test('with what is new, of the same person too', () => {
    expect(shows(timeline([said(1), said(2), said(3)], [], { ...options, newAfter: 1 }))).toEqual(['day', '>m1', 'new', '>m2', 'm3']);
  });

  test('after five minutes, and not before', () => {
    const of = (after: number) => shows(timeline([said(1, 'bo', { ts: noon }), said(2, 'bo', { ts: noon + after })], [], options))[2];
    expect([of(5 * minute), of(5 * minute + 1)]).toEqual(['m2', '>m2']);
  });
});

describe('what happened', () => {
  test('before the first message that is shown is left out, and after the last stands at the end', () => {
    expect(shows(timeline([said(5), said(7)], [], { ...options, systemEvents: [act(4), act(6), act(8)] }))).toEqual(['day', '>m5', 'act-6', '>m7', 'act-8']);
  });

  test('in a room in which nothing was said is all that there is', () => {
    expect(shows(timeline([], [], { ...options, systemEvents: [act(4), act(6)] }))).toEqual(['act-4', 'act-6']);
  });
});

describe('what is on its way', () => {
  test('stands at the end, before notices, but for what the log has', () => {
    const items = timeline([said(1), said(2, 'ada', { id: 'x' })], [waiting('x'), waiting('y')], { ...options, notices: [{ key: 'n', notice: {} as NoticeEvent }] });
    expect(shows(items)).toEqual(['day', '>m1', '>x', 'y', 'notice']);
  });

  test('with the id of another person’s message is another', () => {
    expect(shows(timeline([said(1, 'bo', { id: 'x' })], [waiting('x')], options))).toEqual(['day', '>x', '>x']);
  });

  test('is not shown where messages that are not held follow, nor is what happened since', () => {
    const items = timeline([said(1), said(2)], [waiting('x')], { ...options, readingPast: true, systemEvents: [act(9)], notices: [{ key: 'n', notice: {} as NoticeEvent }] });
    expect(shows(items)).toEqual(['day', '>m1', 'm2']);
  });
});

test('a row is the same object while it shows the same, and another when anything of it has changed', () => {
  const messages = [said(1), said(2)];
  const out = waiting('x');
  const lay = (list: readonly Message[], outgoing: readonly Outgoing[], before: readonly Item[]) => timeline(list, outgoing, options, new Map(before.map((i) => [i.key, i])));
  const first = lay(messages, [out], []);
  const same = lay([...messages], [out], first);
  expect(same.every((item, i) => item === first[i])).toBe(true);
  const edited = lay([messages[0]!, { ...messages[1]!, text: 'new' }], [{ ...out, state: 'failed' }], first);
  expect(edited.map((item, i) => item === first[i])).toEqual([true, true, false, false]);
  const apart = lay([{ ...messages[0]!, user: 'cy' }, messages[1]!], [out], first);
  expect(shows(apart)).toEqual(['day', '>m1', '>m2', '>x']);
  expect(apart[2]).not.toBe(first[2]);
});
