import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { personKey, searchKey } from './name.ts';

const cases = JSON.parse(readFileSync(new URL('../../../libs/names/testdata/keys.json', import.meta.url), 'utf8')) as [string, string, boolean][];

test.each(cases)('%j and %j are one name, as the server has it: %j', (one, two, same) => {
  expect(personKey(one) === personKey(two)).toBe(same);
});

test.each([
  ['Mêmes', 'mem'], ['İstanbul', 'istan'], ['ISTANBUL', 'ıstan'], ['Straße', 'STRASS'], ['ＬＯＢＢＹ', 'lob'], ['stu\u0308vel', 'stü'],
  ['प्रिया', 'प्रि'], ['ガイド', 'ガイ'], ['Σίσυφος', 'σισυφοσ'], ['Tiếng Việt', 'tieng viet'], ['Ёлка', 'елка'],
])('%j is found by %j', (name, typed) => {
  expect(searchKey(name)).toContain(searchKey(typed));
});

test.each([['प्रिया', 'पर'], ['Ada', 'e'], ['小明', '小朋']])('%j is not found by %j', (name, typed) => {
  expect(searchKey(name)).not.toContain(searchKey(typed));
});
