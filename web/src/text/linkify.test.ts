import { expect, test } from 'vitest';
import { linkify } from './linkify.ts';

test.each<[string, string[]]>([
  ['no address', []],
  ['see https://example.org/a?b=c#d, please', ['https://example.org/a?b=c#d']],
  ['(https://example.org/x).', ['https://example.org/x']],
  ['https://en.wikipedia.org/wiki/Go_(game)', ['https://en.wikipedia.org/wiki/Go_(game)']],
  ['http://a.b and HTTPS://C.D!', ['http://a.b/', 'https://c.d/']],
  ['javascript:alert(1) data:text/html,x ftp://a.b', []],
  ['“see https://example.org/x.”', ['https://example.org/x']],
  ['https://', []],
  ['<a href="https://example.org">x</a>', ['https://example.org/']],
  ['(see [https://a.b/c_(d)])?', ['https://a.b/c_(d)']],
  ['https://a.b/)', ['https://a.b/']],
])('%s', (text, links) => {
  const parts = linkify(text);
  expect(parts.filter((p) => p.href !== undefined).map((p) => p.href)).toEqual(links);
  expect(parts.map((p) => p.text).join('')).toBe(text);
});

test('a message of nothing but brackets costs no more than any other', () => {
  const text = `https://a.b/${')'.repeat(400_000)}`; // quadratic, this would take minutes
  expect(linkify(text)[0]).toEqual({ text: 'https://a.b/', href: 'https://a.b/', shown: 'https://a.b/' });
});

test.each([
  // What looks like a host and is a user's name, or a path.
  ['https://google.com@evil.example', 'https://evil.example/', 'https://evil.example'],
  ['https://google.com:443@evil.example/x', 'https://evil.example/x', 'https://evil.example/x'],
  ['https://google.com%2Flogin%3F@evil.example?a=b@c', 'https://evil.example/?a=b@c', 'https://evil.example?a=b@c'],
  ['https://google.com\\@evil.example', 'https://google.com/@evil.example', 'https://google.com\\@evil.example'],
  ['https:///evil.example/google.com', 'https://evil.example/google.com', 'https://evil.example/google.com'],
  ['https://evil.example/https://google.com', 'https://evil.example/https://google.com', 'https://evil.example/https://google.com'],
  // Letters that look like others, and other ways to write a host.
  ['https://gооgle.com/a', 'https://xn--ggle-55da.com/a', 'https://xn--ggle-55da.com/a'],
  ['https://аррӏе.com', 'https://xn--80ak6aa92e.com/', 'https://xn--80ak6aa92e.com'],
  ['https://ｅｖｉｌ.example', 'https://evil.example/', 'https://evil.example'],
  ['https://google.com\u2044evil.example/', 'https://google.xn--comevil-3d7c.example/', 'https://google.xn--comevil-3d7c.example/'],
  ['https://google.com\u3002evil.example/', 'https://google.com.evil.example/', 'https://google.com.evil.example/'],
  ['https://goo\u200Bgle.com/', 'https://google.com/', 'https://google.com/'],
  ['http://2130706433/', 'http://127.0.0.1/', 'http://127.0.0.1/'],
  ['http://0x7f.1:80/', 'http://127.0.0.1/', 'http://127.0.0.1/'],
  // What turns around or hides what stands beside it.
  ['https://evil.example/\u202Emoc.elgoog', 'https://evil.example/%E2%80%AEmoc.elgoog', 'https://evil.example/%E2%80%AEmoc.elgoog'],
  ['https://evil.example/a\u200Bb?\u2066c#\u00ADd', 'https://evil.example/a%E2%80%8Bb?%E2%81%A6c#%C2%ADd', 'https://evil.example/a%E2%80%8Bb?%E2%81%A6c#%C2%ADd'],
  // What is harmless stays as it was typed.
  ['https://ja.wikipedia.org/wiki/猫?x=é', 'https://ja.wikipedia.org/wiki/%E7%8C%AB?x=%C3%A9', 'https://ja.wikipedia.org/wiki/猫?x=é'],
])('%j leads to %j and is shown as %j', (text, href, shown) => {
  expect(linkify(text)[0]).toEqual(href === undefined ? { text } : { text, href, shown });
});
