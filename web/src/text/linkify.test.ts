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
  ["'https://a.example/b'", ['https://a.example/b']],
  ["'https://a.example/Poe's_law', he said", ["https://a.example/Poe's_law"]],
  ["['https://a.example/b','https://a.example/c']", ['https://a.example/b', 'https://a.example/c']],
  ['‘https://a.example/Poe’s_law’', ['https://a.example/Poe%E2%80%99s_law']],
  ["https://en.wikipedia.org/wiki/Poe's_law", ["https://en.wikipedia.org/wiki/Poe's_law"]],
  ["is it https://a.example/b's?", ["https://a.example/b's"]],
  ['(https://a.example/c)谢谢', ['https://a.example/c']],
  ['https://a.example/b,https://a.example/c;http://a.example/d', ['https://a.example/b', 'https://a.example/c', 'http://a.example/d']],
  ['https://web.archive.org/web/2020/https://a.example/b', ['https://web.archive.org/web/2020/https://a.example/b']],
  ['https://a.example/x,y;z!v?a=b;c', ['https://a.example/x,y;z!v?a=b;c']],
  ['||https://a.example/x||https://a.example/y||', ['https://a.example/x', 'https://a.example/y']],
])('%s', (text, links) => {
  const parts = linkify(text);
  expect(parts.filter((p) => p.href !== undefined).map((p) => p.href)).toEqual(links);
  expect(parts.map((p) => p.text).join('')).toBe(text);
});

// In scripts that put no space after a sentence, and in those that do; links end before the sign.
test.each([
  ...'。、，．；：！？…—「」『』（）【】《》〈〉〔〕［］｛｝“”„«»‹›＂＇＜＞｡､｢｣', // Chinese, Japanese, Korean
  ...'،؛؟۔', // Arabic, Urdu
  ...'।॥', // Hindi and the others of India
  ...'։՝՞', // Armenian
  ...'።፣፤፥፧፨', // Ethiopic
  ...'។៕៖', // Khmer
  ...'၊။།༎᠂᠃᙮꓿꘎꛳¿¡', // Burmese, Tibetan, Mongolian, Cree, Lisu, Vai, Bamum, Spanish
])('an address ends before %s', (sign) => {
  for (const after of ['', ' ', '谢谢', 'https://a.example/d']) {
    const hrefs = linkify(`${sign}https://a.example/c${sign}${after}`).flatMap((p) => p.href ?? []);
    expect(hrefs).toEqual(['https://a.example/c', ...(after.startsWith('https') ? ['https://a.example/d'] : [])]);
  }
});

test.each(['路径', '猫?x=é', 'ジョン・レノン', 'باريس', 'हिन्दी', 'ខ្មែរ', 'ไทย', 'Nernst–Einstein', 'Straße#Ж', '😀', 'l·l'])(
  'an address goes on through letters of all alphabets: %s', (path) => {
    expect(linkify(`https://a.example/${path} x`)[0]!.text).toBe(`https://a.example/${path}`);
  });

// Zero width, soft hyphen, marks of direction, fillers, tags, variation selectors, blanks.
test.each([
  0x00, 0x1b, 0x7f, 0x85, 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180e, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x202e,
  0x2060, 0x2066, 0x2069, 0x206f, 0x2800, 0x3000, 0x3164, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0x16fe4, 0x1bca0, 0x1d159, 0x1d173, 0xe0001, 0xe0041, 0xe0100,
])('nothing unseen gets into an address: U+%i', (code) => {
  const c = String.fromCodePoint(code);
  const [link, rest] = linkify(`https://a.example/b${c}c`);
  expect(link).toEqual({ text: 'https://a.example/b', href: 'https://a.example/b', shown: 'https://a.example/b' });
  expect(rest).toEqual({ text: `${c}c` });
});

// Quadratic, these would take minutes.
test.each([')', '(', '()', '.', "'", ',', ',https:/', 'https://', 'https://a。', '(https://a)', "'https://a's", '([{'])('a message of nothing but %s costs no more than any other', (s) => {
  const text = `'https://a.b/${s.repeat(400_000 / s.length)}`;
  expect(linkify(text).map((p) => p.text).join('')).toBe(text);
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
  ['https://google.com\u3002evil.example/', 'https://google.com/', 'https://google.com'],
  ['https://goo\u200Bgle.com/', 'https://goo/', 'https://goo'],
  ['http://2130706433/', 'http://127.0.0.1/', 'http://127.0.0.1/'],
  ['http://0x7f.1:80/', 'http://127.0.0.1/', 'http://127.0.0.1/'],
  // What turns around or hides what stands beside it.
  ['https://evil.example/\u202Emoc.elgoog', 'https://evil.example/', 'https://evil.example/'],
  // What is harmless stays as it was typed.
  ['https://ja.wikipedia.org/wiki/猫?x=é', 'https://ja.wikipedia.org/wiki/%E7%8C%AB?x=%C3%A9', 'https://ja.wikipedia.org/wiki/猫?x=é'],
])('%j leads to %j and is shown as %j', (text, href, shown) => {
  expect(linkify(text)[0]).toMatchObject({ href, shown });
});
