import { expect, test } from 'vitest';
import { parseEvent } from './parse.ts';
import { shouldReconnect } from './protocol.ts';

test.each<[string, string]>([
  ['not JSON', '{'],
  ['not an object', '[1]'],
  ['no type', '{"room":"a"}'],
  ['an unknown type that is no log entry', '{"type":"sparkle","room":"a"}'],
  ['a message without a seq', '{"type":"msg","room":"a","id":"1","text":"x"}'],
  ['a seq that JavaScript cannot hold', '{"type":"msg","seq":9007199254740993,"prev":0,"room":"a","id":"1","text":"x"}'],
  ['a joined without a seq', '{"type":"joined","room":"a"}'],
  ['an error without a code', '{"type":"error","message":"x"}'],
])('%s is no event', (_, frame) => {
  expect(parseEvent(frame)).toBeUndefined();
});

test('an unknown entry of a log keeps its place', () => {
  expect(parseEvent('{"type":"sparkle","seq":5,"prev":3,"room":"a","id":"1"}')).toMatchObject({ type: 'unknown', seq: 5, prev: 3 });
});

test.each(['msg', 'edited'])('an entry that lost its text with its message keeps its place: %s', (type) => {
  expect(parseEvent(`{"type":"${type}","seq":5,"prev":3,"room":"a","id":"1","target":"t"}`)).toMatchObject({ type: 'unknown', seq: 5, prev: 3 });
});

test('what may be absent is filled in', () => {
  expect(parseEvent('{"type":"reacted","seq":5,"prev":3,"room":"a","id":"1","target":"t","emoji":"x"}')).toMatchObject({ on: false, name: '' });
  expect(parseEvent('{"type":"who","room":"a","count":0}')).toMatchObject({ users: [] });
  expect(parseEvent('{"type":"history","room":"a","messages":[{"seq":1,"room":"a","id":"m","deleted":true},{"x":1}]}'))
    .toMatchObject({ more: false, messages: [{ id: 'm', text: '', prev: 0 }] });
});

test.each([
  ['"soon"', undefined], ['-1', undefined], ['null', undefined], ['0', 0], ['250', 250],
  ['1e12', 86_400_000], // a timer cannot count that far, and would fire at once
])('a wait of %s is %s', (said, wait) => {
  for (const type of ['"bye","code":4000', '"error","code":"x"']) {
    expect(parseEvent(`{"type":${type},"message":"m","retry_after_ms":${said}}`)).toHaveProperty('message', 'm');
    expect((parseEvent(`{"type":${type},"retry_after_ms":${said}}`) as { retry_after_ms?: number }).retry_after_ms).toBe(wait);
  }
});

test.each([[4000, true], [4001, true], [4499, true], [1001, true], [1006, true], [1011, true], [1012, true], [1013, true], [1014, true],
  [4500, false], [4501, false], [4999, false], [1000, false], [1002, false], [1009, false], [1010, false], [1015, false], [3000, false]])('close code %d: come back is %s', (code, back) => {
  expect(shouldReconnect(code)).toBe(back);
});
