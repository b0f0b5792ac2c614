import { expect, test } from 'vitest';
import { isMembershipChange, eventLines, type ShownEvent, type RoomEvent } from './system-events.ts';

let seq = 0;
const event = (fields: object): RoomEvent => ({ seq: ++seq, prev: 0, room: 'r', id: `e${seq}`, user: 'ada', name: '', ts: seq, ...fields }) as unknown as RoomEvent;
const member = (user: string, fields: object = {}) => event({ type: 'member', user, member: user, name: user.toUpperCase(), role: 'member', from: 1, ...fields });
const topic = (name: string, text: string) => event({ type: 'topic', name, text });
const texts = (...run: (RoomEvent | ShownEvent)[]) =>
  eventLines(run.map((e) => ('event' in e ? e : { event: e })), 'me', (user) => (user === 'x' ? undefined : user.toUpperCase()), 2).map((l) => l.text);

test('who did the same is named together, and of many a few', () => {
  expect(texts(member('ada'))).toEqual(['ADA joined']);
  expect(texts(member('ada'), member('bo', { role: undefined, from: undefined }), member('cy'), member('di'), member('ada'), member('ed')))
    .toEqual(['ADA, CY and 2 others joined', 'BO left']);
  expect(texts(member('ada'), member('me'))).toEqual(['You and ADA joined']);
  expect(texts(member('ada'), member('cy'), member('di'), member('me'))).toEqual(['You, ADA and 2 others joined']);
  expect(texts(member('me'), member('bo', { user: 'ada' }), member('me', { user: 'ada' }), member('cy', { user: 'me' }))).toEqual(['You joined', 'ADA added BO and you', 'You added CY']);
});

test('who was put out, and who is something else now', () => {
  const gone = { role: undefined, from: undefined };
  expect(texts(member('bo', { user: 'ada', ...gone }))).toEqual(['BO was removed']);
  expect(texts(member('bo', { user: 'ada', ...gone }), member('cy', { user: 'ada', ...gone }))).toEqual(['BO and CY were removed']);
  expect(texts(member('bo', { role: 'owner', from: undefined }), member('me', { role: 'moderator', from: undefined }))).toEqual(['BO is now an owner', 'You are now a moderator']);
});

test('what a room is called, and what it is about', () => {
  const [first, second, third, fourth] = [topic('Garden', 'Plants'), topic('Park', 'Plants'), topic('Park', ''), topic('Wood', 'Trees')] as const;
  expect(texts(first, { event: second, was: first as never }, { event: third, was: second as never }, { event: fourth, was: third as never })).toEqual([
    'ADA changed the room: Garden – Plants', 'ADA renamed the room to Park', 'ADA removed the topic', 'ADA renamed the room to Wood and set the topic: Trees',
  ]);
  expect(texts(event({ type: 'topic', user: 'x', name: 'גן', text: '' }))).toEqual(['Somebody changed the room: \u2068גן\u2069']);
});

test('pins are counted for each who pinned', () => {
  const pin = (user: string) => event({ type: 'pinned', user, name: user.toUpperCase(), target: 'm', author: 'bo', on: true });
  expect(texts(pin('ada'), pin('bo'), pin('ada'), pin('me'))).toEqual(['ADA pinned 2 messages', 'BO pinned a message', 'You pinned a message']);
  expect(eventLines([{ event: pin('ada') }], 'me', () => undefined, 2)[0]).toMatchObject({ pins: true });
});

test('who comes and goes is told from who is something else', () => {
  expect([member('a'), member('a', { role: undefined }), member('a', { from: undefined }), topic('a', '')].map(isMembershipChange)).toEqual([true, true, false, false]);
});
