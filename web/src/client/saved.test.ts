import { expect, test } from 'vitest';
import { entry } from '../../test/harness.ts';
import { readNames, readSaved } from './saved.ts';

test('saved messages are read without what is none', () => {
  const saved = [null, {}, { saved_ts: 5 }, { saved_ts: 4, message: entry(1, 0, { deleted: true, text: undefined }) }, { saved_ts: 3, message: entry(2, 0) }];
  expect(readSaved({ saved, more: true })).toMatchObject({ list: [{ ts: 4, message: { seq: 1, deleted: true } }, { ts: 3, message: { text: 'text 2' } }], next: '3' });
  expect(readSaved({ saved: [], more: false })).toEqual({ list: [] });
  expect(() => readSaved({})).toThrow('something else');
});

test('names of saved messages are read without what is none', () => {
  expect([...readNames({ names: [null, { room: 'r' }, { room: 'r', author: 'bo', id: 'm' }] })]).toEqual(['r/bo/m']);
  expect(() => readNames({})).toThrow('something else');
});
