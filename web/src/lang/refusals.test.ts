import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe as group, expect, test } from 'vitest';
import { catalogue } from '../../messages.ts';
import { HubbubError } from '../client/index.ts';
import { stamp } from '../text/time.svelte.ts';
import { operatorRefusals } from '../ui/server/operator-refusals.ts';
import { describe, describeNotice } from './describe.ts';
import { loadMessages, setLanguage } from './language.svelte.ts';
import { chatRefusals } from './chat-refusals.ts';
import { addRefusals, translated, entryRefusals, type Refusals } from './refusals.ts';

const all: Refusals = { ...entryRefusals, ...chatRefusals, ...operatorRefusals };

beforeAll(() => loadMessages('server', 'rest', 'refusals'));
afterEach(() => setLanguage('en', ['en-US']));

const root = join(import.meta.dirname, '..', '..', '..');
const source = ['services', 'libs'].map((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.go') && !f.endsWith('_test.go')).map((f) => readFileSync(join(root, folder, f), 'utf8')).join('\n')).join('\n');

/** What the verbs of a sentence stand for, where it is not just any number or text. */
const samples: Readonly<Record<string, readonly (number | string)[]>> = {
  'a %s is one line of %d to %d printable characters': ["room's name", 1, 80],
  'what is to be kept for %s at least cannot be removed after %s': ['30 days', '7 days'],
  'whoever runs this server wants messages to be kept for %s at least': ['30 days'],
  'whoever runs this server wants messages to be kept for %s at most': ['30 days'],
  'this room is in slow mode: one message every %d s': [12],
};
const minute = '2026-05-03 15:04 UTC';

/** What the verbs of a sentence stand for in the tests. */
const valuesOf = (sentence: string): readonly (number | string)[] => samples[sentence]
  ?? [...sentence.matchAll(/(until )?%[.\d]*([dqs])/g)].map(([, until, verb], i) => (verb === 'd' ? 12 + i : until ? minute : `word${i}`));

/** A sentence as the server says it. */
function spoken(sentence: string, values = valuesOf(sentence)): string {
  const left = [...values];
  return sentence.replace(/%[.\d]*([dqs])/g, (_, verb: string) => (verb === 'q' ? JSON.stringify(left.shift()) : String(left.shift())));
}

test('what it says to operators is known once their page is here', async () => {
  const last = new HubbubError('conflict', 'this is the last operator: make somebody else one first');
  await setLanguage('de');
  expect(describe(last)).toBe('This is the last operator: make somebody else one first.');
  addRefusals(operatorRefusals);
  expect(describe(last)).toBe(catalogue('de')['lastOperatorError']);
});

test('each sentence that the page has other words for is one that the server says', () => {
  const written = (s: string) => source.includes(`"${s.replaceAll('"', String.raw`\"`)}"`) || source.includes(`\`${s}\``);
  expect(Object.keys(all).filter((s) => !written(s))).toEqual([]);
});

test('each is known when the server says it', () => {
  expect(Object.keys(all).filter((s) => translated(spoken(s)) === undefined)).toEqual([]);
});

test('their messages say in English what the server says, if not less', () => {
  const plain = (s: string) => s.toLowerCase().replaceAll('’', "'").replace(/[“”]/g, '"').replace(/\.$/, '').replace(minute.toLowerCase(), stamp(Date.UTC(2026, 4, 3, 15, 4)).toLowerCase())
    .replace(/every 12 s$/, 'every 12 seconds');
  const other = Object.keys(all).filter((s) => !plain(spoken(s)).startsWith(plain(translated(spoken(s)) ?? '-')));
  expect(other).toEqual([]);
});

group.each(['ar', 'de', 'fr', 'ja'] as const)('%s', (language) => {
  test('says each with all of its values', async () => {
    await setLanguage(language, [language]);
    const lacks = Object.keys(all).flatMap((s) => {
      const message = translated(spoken(s)) ?? '';
      // An age or a time is as the language has it; a text is called by what it is.
      const values = s.startsWith('a %s is') ? valuesOf(s).slice(1) : valuesOf(s).map((v) => (v === minute ? stamp(Date.UTC(2026, 4, 3, 15, 4)) : typeof v === 'string' ? v.replace(/ days$/, '') : v));
      return values.every((v) => message.includes(String(v))) && message !== '' ? [] : [`${s}: ${message}`];
    });
    expect(lacks).toEqual([]);
  });
});

test('the verbs of a sentence', async () => {
  await setLanguage('de', ['de-DE']);
  const german = catalogue('de');
  const made = (key: string, values: Readonly<Record<string, string>>) => german[key]!.replace(/\{(\w+)[^{}]*\}/g, (_, name: string) => values[name]!);
  // A number, as the language has numbers.
  expect(translated('you can block at most 1000 people: unblock somebody first')).toBe(made('blocksFullError', { count: '1.000' }));
  expect(translated('a password has at least 8 characters and at most 1024 bytes')).toBe(made('passwordLengthError', { least: '8', most: '1.024' }));
  // A text in quotes, without what Go puts before characters of it.
  expect(translated(String.raw`nobody here is called "a \"b\" \\ \t\u00ad\U000e0041\x80\u202eé"`)).toBe(made('nobodyCalledError', { name: `a "b" \\ \t\u00ad\u{e0041}\uFFFDé` }));
  expect(translated(String.raw`"\U0011ffff" is more than all of IPv4`)).toBe(made('networkAllError', { network: '\uFFFD' }));
  // A text, also an empty one, and one with signs that patterns have.
  expect(translated('you block a.b: unblock them first')).toBe(made('unblockFirstError', { name: 'a.b' }));
  expect(translated('after:2026-13 is no date; one is like 2026-11-29, 2026-11, 2026, today or yesterday')).toBe(made('dateError', { filter: 'after', date: '2026-13', example: '2026-11-29' }));
  expect(translated('There is no filter a: the filters are b: c:. To look for the text itself, put it between quotation marks.')).toBe(made('filterUnknownError', { filter: 'a', filters: 'b: c:' }));
  // A time and an age.
  expect(translated(`you are banned from this server until ${minute}`)).toBe(made('bannedUntilError', { until: stamp(Date.UTC(2026, 4, 3, 15, 4)) }));
  expect(translated('you are banned from this server until it rains')).toBe(made('bannedUntilError', { until: 'it rains' }));
  expect(translated('whoever runs this server wants messages to be kept for 1 day at least')).toBe(made('keptLeastError', { time: '1 Tag' }));
  // A count has the form that it takes.
  const one = translated('1 of your invitations have not been accepted: wait for answers');
  expect(one).toBe('1 deiner Einladungen wurde noch nicht angenommen: Warte auf Antworten.');
});

test('another sentence is none of them', () => {
  for (const s of [
    'you can block at most many people: unblock somebody first', 'nobody here is called ada', 'nobody here is called "ada', 'nobody here is called "a" or "b"',
    'you can block at most 5 people: unblock somebody first, or not', 'a source of an import is one line of 1 to 512 printable characters', 'you block Zoe: unblock them first\nand more', 'constructor',
  ]) expect(translated(s), s).toBeUndefined();
});

test('what the server says at the door is told in the language of the page', async () => {
  const over = 'this invitation has ended: ask for another';
  expect(describeNotice(over)).toBe('This invitation has ended: ask for another.');
  await setLanguage('fr');
  expect(describeNotice(over)).toBe(catalogue('fr')['invitationEndedError']);
  expect(describeNotice('the moon is full')).toBe('The moon is full.');
});

test('a refusal with values is told in the language of the page, and as it is in English', async () => {
  const full = new HubbubError('too_many', 'you can block at most 1000 people: unblock somebody first');
  expect(describe(full)).toBe('You can block at most 1000 people: unblock somebody first.');
  await setLanguage('ar');
  expect(describe(full)).toBe(catalogue('ar')['blocksFullError']!.replace(/\{.*\}/, '1,000'));
});
