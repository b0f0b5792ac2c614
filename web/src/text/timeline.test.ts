import { expect, test } from 'vitest';
import { nameKey, names, type SystemEvent, type Message, type ModeratedEvent, type Outgoing } from '../client/index.ts';
import { unreadAfter, timeline, type Item } from './timeline.ts';

const noon = new Date(2026, 4, 3, 12).getTime();
const minute = 60_000;
const me = { id: 'ada', name: 'Ada' };
const msg = (id: string, user: string, ts: number, seq = ts): Message => ({ room: 'r', id, seq, user, name: user, ts, text: id, reactions: {} });
const out = (id: string, ts: number): Outgoing => ({ room: 'r', id, text: id, ts, state: 'sending' });
const show = (items: Item[]) => items.map((i) => (i.kind === 'message' ? `${i.first ? '+' : ''}${i.id}` : i.kind));
const none = { me, newAfter: undefined, notices: [] };

test('groups by sender and time, and heads each day', () => {
  const messages = [msg('a', 'bo', noon), msg('b', 'bo', noon + minute), msg('c', 'bo', noon + 10 * minute),
    msg('d', 'cy', noon + 10 * minute), msg('e', 'cy', noon + 24 * 60 * minute)];
  expect(show(timeline(messages, [], none))).toEqual(['day', '+a', 'b', '+c', '+d', 'day', '+e']);
});

test('a message on its way comes last, and keeps its key when it arrives', () => {
  const before = timeline([msg('a', 'bo', noon)], [out('x', noon + minute)], none);
  expect(show(before)).toEqual(['day', '+a', '+x']);
  const after = timeline([msg('a', 'bo', noon), msg('x', 'ada', noon + minute)], [out('x', noon + minute)], none);
  expect(show(after)).toEqual(['day', '+a', '+x']);
  expect(after.at(-1)!.key).toBe(before.at(-1)!.key);
});

test('a message is found by user and id, and by id alone the first is', () => {
  const [bos, cys] = [msg('a', 'bo', noon), msg('a', 'cy', noon)];
  const all = names([bos!, cys!]);
  expect(all.get(nameKey({ id: 'a', user: 'cy' }))).toBe(cys);
  expect(all.get(nameKey({ id: 'a', user: 'bo' }))).toBe(bos);
  expect(all.get(nameKey({ id: 'a' }))).toBe(bos);
  expect(all.get(nameKey({ id: 'a', user: 'di' }))).toBeUndefined();
});

test('the divider stands before the first new message of somebody else', () => {
  const messages = [msg('a', 'bo', noon, 1), msg('b', 'ada', noon, 2), msg('c', 'bo', noon, 3), msg('d', 'bo', noon, 4)];
  expect(show(timeline(messages, [], { ...none, newAfter: 1 }))).toEqual(['day', '+a', '+b', 'new', '+c', 'd']);
  expect(show(timeline(messages, [], { ...none, newAfter: 4 }))).toEqual(['day', '+a', '+b', '+c', 'd']);
});

test('the divider does not stand before what is no news: of people who are hidden, or deleted', () => {
  const messages = [msg('a', 'bo', noon, 1), msg('b', 'eve', noon, 2), { ...msg('c', 'cy', noon, 3), deleted: true }, msg('d', 'cy', noon, 4)];
  const hidden = new Set(['eve']);
  expect(show(timeline(messages, [], { ...none, newAfter: 1, hidden }))).toEqual(['day', '+a', '+b', '+c', 'new', '+d']);
  expect(show(timeline(messages.slice(0, 3), [], { ...none, newAfter: 1, hidden }))).toEqual(['day', '+a', '+b', '+c']);
});

test('what the reader has not seen is counted without their own messages, deleted ones and those of hidden people', () => {
  const messages = [msg('a', 'bo', noon, 1), msg('b', 'ada', noon, 2), msg('c', 'bo', noon, 3), { ...msg('d', 'cy', noon, 4), deleted: true }, msg('e', 'ada', noon, 5)];
  expect([0, 1, 2, 3, 5].map((seq) => unreadAfter(seq, messages, 'ada', new Set()))).toEqual([2, 1, 1, 0, 0]);
  expect(unreadAfter(0, messages, 'ada', new Set(['bo']))).toBe(0);
});

test('what did not change is the same object as before', () => {
  const messages = [msg('a', 'bo', noon), msg('b', 'bo', noon + minute), msg('c', 'cy', noon + 2 * minute)];
  const before = timeline(messages, [out('x', noon + 3 * minute)], none);
  const laid = new Map(before.map((i) => [i.key, i]));
  const after = timeline([messages[0]!, { ...messages[1]!, text: 'other' }, messages[2]!, msg('d', 'cy', noon + 3 * minute)], [out('x', noon + 3 * minute)], none, laid);
  expect(after.map((i) => laid.get(i.key) === i)).toEqual([true, true, false, true, false, false]); // day, a, b, c, d, x: another object on its way
  const older = timeline([msg('0', 'bo', noon - minute), ...messages], [], none, laid);
  expect(older.filter((i) => laid.get(i.key) === i).map((i) => i.key)).toEqual(['bo/b', 'cy/c']); // a begins no group any more
});

test('apart from the end, what is on its way and what was done since are not shown', () => {
  const act = { type: 'moderated', seq: noon + 5, id: 'act', prev: 0, room: 'r', user: 'bo', name: 'Bo', ts: noon, act: 'archive' } as unknown as ModeratedEvent;
  const options = { ...none, systemEvents: [act] };
  expect(show(timeline([msg('a', 'bo', noon)], [out('x', noon)], options))).toEqual(['day', '+a', 'act', '+x']);
  expect(show(timeline([msg('a', 'bo', noon)], [out('x', noon)], { ...options, readingPast: true }))).toEqual(['day', '+a']);
});

test('where what is new begins before what is held, no line stands', () => {
  const messages = [msg('a', 'bo', noon, 20), msg('b', 'bo', noon, 30)];
  const lines = (newFrom?: number) => show(timeline(messages, [], { ...none, newAfter: 10, newFrom })).filter((i) => i === 'new').length;
  expect(lines(20)).toBe(1);
  expect(lines()).toBe(1);
  expect(lines(15)).toBe(0);
});

test('what happened stands between the messages, folded, and an act stands for its change', () => {
  let n = 0;
  const event = (seq: number, fields: object): SystemEvent => ({ seq, prev: 0, room: 'r', id: `e${++n}`, user: 'cy', name: 'Cy', ts: noon, ...fields }) as unknown as SystemEvent;
  const joins = (seq: number) => event(seq, { type: 'member', member: 'cy', role: 'member', from: 1 });
  const topic = event(10, { type: 'topic', text: 'x' });
  const acts = [
    joins(5), topic, joins(11), event(12, { type: 'topic', text: 'x' }), event(13, { type: 'pinned', target: 'a' }),
    event(14, { type: 'moderated', act: 'role', id: 'change-why' }), event(15, { type: 'member', member: 'cy', role: 'owner', id: 'change' }), joins(16), event(25, { type: 'topic', text: 'y' }),
  ];
  const messages = [msg('a', 'bo', noon, 8), msg('b', 'bo', noon, 20)];
  const options = { ...none, systemEvents: acts };
  const all = timeline(messages, [], options);
  expect(show(all)).toEqual(['day', '+a', 'events', 'act', 'events', '+b', 'events']);
  expect(all.flatMap((i) => (i.kind === 'events' ? [i.run.map((h) => h.event.seq)] : []))).toEqual([[10, 11], [16], [25]]);
  expect(all.at(-1)).toMatchObject({ run: [{ was: { text: 'x' } }] });
  expect(timeline(messages, [], { ...options, fromStart: true })[0]).toMatchObject({ kind: 'events', run: [{ event: { seq: 5 } }] });
  expect(show(timeline(messages, [], { ...options, hideMembership: true }))).toEqual(['day', '+a', 'events', 'act', '+b', 'events']);
  expect(show(timeline(messages, [], { ...options, readingPast: true }))).toEqual(['day', '+a', 'events', 'act', 'events', '+b']);
  const laid = new Map(all.map((i) => [i.key, i]));
  expect(timeline(messages, [], options, laid).every((i) => laid.get(i.key) === i)).toBe(true);
});
