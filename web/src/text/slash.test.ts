import { expect, test } from 'vitest';
import { parseSlash, slashCommands, slashSuggestions, type Sending } from './slash.ts';

test.each<[string, Sending]>([
  ['hello', { kind: 'text', text: 'hello' }],
  ['/help', { kind: 'command', name: 'help', rest: '' }],
  ['/TOPIC  what it is\nabout', { kind: 'command', name: 'topic', rest: 'what it is\nabout' }],
  ['/nick x', { kind: 'unknown', name: 'nick' }],
  ['/привет', { kind: 'unknown', name: 'привет' }],
  ['//nick x', { kind: 'text', text: '/nick x' }],
  ['//help', { kind: 'text', text: '/help' }],
  ['/usr/bin/env is there', { kind: 'text', text: '/usr/bin/env is there' }],
  ['/', { kind: 'text', text: '/' }],
  ['// a comment', { kind: 'text', text: '// a comment' }],
  ['///', { kind: 'text', text: '///' }],
  ['/ help', { kind: 'text', text: '/ help' }],
  ['and/or', { kind: 'text', text: 'and/or' }],
])('%j', (text, sending) => {
  expect(parseSlash(text)).toEqual(sending);
});

test('a slash lists the commands, and letters after it narrow the list', () => {
  expect(slashSuggestions('/')).toEqual(slashCommands);
  expect(slashSuggestions('/M').map((c) => c.name)).toEqual(['me', 'msg']);
  for (const text of ['', 'a/', '/x', '/leave', '/me ', '//']) expect(slashSuggestions(text)).toEqual([]);
});
