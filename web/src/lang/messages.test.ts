import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, type Token } from '@messageformat/parser';
import { describe, expect, test } from 'vitest';
import { catalogue, languages, parameters, partOf, types } from '../../messages.ts';
import { languages as offered } from './languages.ts';
import { pieces } from './pieces.ts';

const english = catalogue('en');
const keys = Object.keys(english);

/** The choices that a message has by a number: the argument, and the forms that there are. */
function plurals(tokens: readonly Token[]): { arg: string; forms: string[] }[] {
  return tokens.flatMap((t) => ('cases' in t
    ? [...(t.type === 'plural' ? [{ arg: t.arg, forms: t.cases.map((c) => c.key) }] : []), ...t.cases.flatMap((c) => plurals(c.tokens))]
    : []));
}
/** The values that a message tells apart in a parameter. */
const selected = (tokens: readonly Token[]): string[] => tokens.flatMap((t) => ('cases' in t
  ? [...(t.type === 'select' ? [`${t.arg}: ${t.cases.map((c) => c.key).toSorted().join()}`] : []), ...t.cases.flatMap((c) => selected(c.tokens))]
  : []));

const chosen = (message: string): string => [...new Set(selected(parse(message)))].toSorted().join();

test('the languages that are offered are those that there are messages of', () => {
  expect(languages()).toEqual(Object.keys(offered).toSorted());
});

test('what TypeScript knows of the messages is what they are', () => {
  expect(readFileSync(join(import.meta.dirname, 'messages.d.ts'), 'utf8')).toBe(types(english));
});

test('each message is used', () => {
  const src = join(import.meta.dirname, '..');
  const all = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((f) => /\.(?:svelte|ts)$/.test(f) && !f.endsWith('.d.ts') && !f.endsWith('.test.ts'))
    .map((f) => readFileSync(join(src, f), 'utf8')).join('\n');
  expect(keys.filter((k) => !new RegExp(`\\bm\\.${k}\\b|'${k}'`).test(all))).toEqual([]);
});

test('what the first look at the page needs is in its part, and what operators alone need is not', () => {
  const part = partOf();
  expect(['findARoom', 'tryNow', 'loadingYourRooms'].map(part)).toEqual(['first', 'first', 'first']);
  expect(['theme', 'messageField', 'replyingTo'].map(part)).toEqual(['rest', 'room', 'room']);
  expect(['bannedUntilError', 'blocksFullError', 'networkAllError'].map(part)).toEqual(['first', 'refusals', 'server']);
});

describe.each(languages())('%s', (language) => {
  const messages = catalogue(language);
  const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;

  test('has each message, and no other, in order', () => {
    expect(Object.keys(messages)).toEqual(keys);
  });

  test('has the same parameters in each', () => {
    const of = (message: string) => [...parameters(message)].map(([p, type]) => `${p}: ${type}`).toSorted();
    const wrong = keys.filter((k) => of(messages[k]!).join() !== of(english[k]!).join() || chosen(messages[k]!) !== chosen(english[k]!));
    expect(wrong).toEqual([]);
  });

  test('has the forms that numbers take in it', () => {
    const lacks = keys.flatMap((k) => plurals(parse(messages[k]!)).filter(({ forms: has }) => !(has.length === 1 && has[0] === 'other' && language === 'en')
      && forms.some((f) => !has.includes(f)) && !(language !== 'ar' && has.length === 1)).map(() => k));
    expect(lacks).toEqual([]);
  });

  test('has no empty message, no space at an end, and no hole that Mixed.svelte has nothing for', () => {
    expect(keys.filter((k) => messages[k]!.trim() === '' || messages[k] !== messages[k]!.trim() || pieces(messages[k]!).length !== 1)).toEqual([]);
  });
});
