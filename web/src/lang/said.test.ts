import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { catalogue } from '../../messages.ts';
import { HubbubError } from '../client/index.ts';
import { toOperators } from '../ui/server/said.ts';
import { describe, told } from './describe.ts';
import { need, speak } from './language.svelte.ts';
import { alsoSaid, toEverybody } from './said.ts';

afterEach(() => speak('en', ['en-US']));

const services = join(import.meta.dirname, '..', '..', '..', 'services');
const source = readdirSync(services, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.go') && !f.endsWith('_test.go'))
  .map((f) => readFileSync(join(services, f), 'utf8')).join('\n');

test('each sentence that the page has other words for is one that the server says', () => {
  const sentences = Object.keys({ ...toEverybody, ...toOperators });
  expect(sentences.filter((s) => !source.includes(`"${s}"`))).toEqual([]);
});

test('their messages say in English what the server says, if not less', async () => {
  await need('server', 'rest');
  const plain = (s: string) => s.toLowerCase().replaceAll('’', "'").replace(/\.$/, '');
  const other = Object.entries({ ...toEverybody, ...toOperators }).filter(([s, message]) => !plain(s).startsWith(plain(message()))).map(([s]) => s);
  expect(other).toEqual([]);
});

test('what the server says at the door is told in the language of the page', async () => {
  const over = 'this invitation has ended: ask for another';
  expect(told(over)).toBe('This invitation has ended: ask for another.');
  await speak('fr');
  expect(told(over)).toBe(catalogue('fr')['invitationEndedError']);
  expect(told('the moon is full')).toBe('The moon is full.');
});

test('what it says to operators is known once their page is here', async () => {
  const last = new HubbubError('conflict', 'this is the last operator: make somebody else one first');
  await speak('de');
  expect(describe(last)).toBe('This is the last operator: make somebody else one first.');
  await need('server');
  alsoSaid(toOperators);
  expect(describe(last)).toBe(catalogue('de')['lastOperatorError']);
});
