import { afterEach, expect, test } from 'vitest';
import { entry, Harness } from '../../test/harness.ts';
import { HubbubError } from './errors.ts';
import { readFound } from './search.ts';

let h: Harness | undefined;
afterEach(() => h?.stop());

const result = (more: object = {}) => ({ room: 'lobby', message: entry(5, 0, { text: 'hello world' }), highlights: [[0, 5]], ...more });

test('an answer has its results, whether there are more, and whether all is indexed', () => {
  const found = readFound({ results: [result(), result({ room: 'books', highlights: [] })], next: 'x', building: true });
  expect(found.results.map((r) => [r.room, r.message.text, r.message.seq, r.highlights])).toEqual([['lobby', 'hello world', 5, [[0, 5]]], ['books', 'hello world', 5, []]]);
  expect([found.next, found.building]).toEqual(['x', true]);
  expect(readFound({ results: [] })).toEqual({ results: [], building: false });
  expect(readFound({ results: [], next: '' }).next).toBeUndefined();
});

test('what is not understood of an answer is left out', () => {
  const bad = [7, null, {}, result({ room: 7 }), result({ message: 'x' }), result({ message: { room: 'lobby', id: 'x', seq: -1 } })];
  expect(readFound({ results: bad, building: 'yes', next: 7 })).toEqual({ results: [], building: false });
  const highlights = [[0, 5], [5, 5], [6, 2], [1.5, 3], [1], 'x', [1, 2, 3], ['a', 'b']];
  expect(readFound({ results: [result({ highlights })] }).results[0]!.highlights).toEqual([[0, 5]]);
  expect(readFound({ results: [result({ highlights: 'x' })] }).results[0]!.highlights).toEqual([]);
});

test.each([{}, { results: 'x' }, { results: { 0: result() } }])('what is no answer to a search is an error: %j', (body) => {
  expect(() => readFound(body)).toThrow(HubbubError);
});

test('a search is asked with all that was given, and what the server refuses is told', async () => {
  h = Harness.start({ routes: {
    'GET /v1/search?q=%22hello+w%C3%B6rld%22+-x&room=lobby&sort=best&cursor=a%7Eb': () => ({ body: { results: [result()], next: 'c' } }),
    'GET /v1/search?q=+': () => ({ status: 400, body: { code: 'bad_request', detail: 'a search has at least one word' } }),
  } });
  await h.lobby();
  const { directory } = h.client;
  const found = readFound(await directory.search(new URLSearchParams({ q: '"hello wörld" -x', room: 'lobby', sort: 'best', cursor: 'a~b' })));
  expect([found.results.length, found.next]).toEqual([1, 'c']);
  await expect(directory.search(new URLSearchParams({ q: ' ' }))).rejects.toMatchObject({ code: 'bad_request', message: 'a search has at least one word' });
});
