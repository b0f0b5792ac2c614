import { expect, test } from 'vitest';
import { linkify } from './linkify.ts';

test.each<[string, string[]]>([
  ['no address', []],
  ['see https://example.org/a?b=c#d, please', ['https://example.org/a?b=c#d']],
  ['(https://example.org/x).', ['https://example.org/x']],
  ['https://en.wikipedia.org/wiki/Go_(game)', ['https://en.wikipedia.org/wiki/Go_(game)']],
  ['http://a.b and HTTPS://C.D!', ['http://a.b', 'HTTPS://C.D']],
  ['javascript:alert(1) data:text/html,x ftp://a.b', []],
  ['“see https://example.org/x.”', ['https://example.org/x']],
  ['https://', []],
  ['<a href="https://example.org">x</a>', ['https://example.org']],
  ['(see [https://a.b/c_(d)])?', ['https://a.b/c_(d)']],
  ['https://a.b/)', ['https://a.b/']],
])('%s', (text, links) => {
  const parts = linkify(text);
  expect(parts.filter((p) => p.href !== undefined).map((p) => p.href)).toEqual(links);
  expect(parts.map((p) => p.text).join('')).toBe(text);
});

test('a message of nothing but brackets costs no more than any other', () => {
  const text = `https://a.b/${')'.repeat(400_000)}`; // quadratic, this would take minutes
  expect(linkify(text)[0]).toEqual({ text: 'https://a.b/', href: 'https://a.b/' });
});
