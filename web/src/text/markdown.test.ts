import { expect, test } from 'vitest';
import { excessive, markdown, plain } from './markdown.ts';
import type { Block, Inline } from './typed.ts';

const inline = (runs: readonly Inline[]): string => runs.map((r) => {
  switch (r.kind) {
    case 'text': return r.text;
    case 'code': return `{${r.text}}`;
    case 'mention': return r.me ? `<@!${r.text.slice(1)}>` : `<${r.text}>`;
    case 'link': return r.label ? `<a ${r.href} ${r.host}|${inline(r.label)}>` : r.text === r.href ? `<a ${r.href}>` : `<a ${r.href} shown ${r.text}>`;
    case 'emoji': return `<e ${r.text}>`;
    default: return `<${{ strong: 'b', emphasis: 'i', struck: 's', spoiler: 'sp' }[r.kind]} ${inline(r.children)}>`;
  }
}).join('');
const block = (b: Block): string => {
  switch (b.kind) {
    case 'paragraph': return inline(b.children);
    case 'heading': return `h${b.level}:${inline(b.children)}`;
    case 'code': return `code ${b.language}:${b.text}`;
    case 'quote': return `quote[${b.children.map(block).join(' / ')}]`;
    case 'list': return `${b.start ?? '-'}[${b.items.map((i) => i.map(block).join(' / ')).join(', ')}]`;
    case 'table': return `table ${b.aligns.map((a) => a?.[0] ?? '.').join('')}[${[b.head, ...b.rows].map((r) => r.map(inline).join('|')).join(', ')}]`;
    case 'rule': return 'rule';
  }
};
const ada = { names: { has: (key: string) => key !== 'nobody' }, room: false, here: false, me: 'ada' };
const short = (text: string) => markdown(text, ada).map(block);

test.each<[string, string[]]>([
  ['plain', ['plain']],
  ['two\nlines', ['two\nlines']],
  ['two\n\nparagraphs', ['two', 'paragraphs']],
  ['*i* _i_ **b** __b__ ***bi*** ~~s~~ ||sp||', ['<i i> <i i> <b b> <b b> <i <b bi>> <s s> <sp sp>']],
  ['**b *bi* ~~bs~~** and ||**sp** `c`||', ['<b b <i bi> <s bs>> and <sp <b sp> {c}>']],
  ['2 * 3 * 4, snake_case_name, a || b || c, ~~ x ~~', ['2 * 3 * 4, snake_case_name, a || b || c, ~~ x ~~']],
  ['\\*as typed\\* \\a', ['*as typed* \\a']],
  ['**你好。**谢谢 and 他说**“好”**吧', ['<b 你好。>谢谢 and 他说<b “好”>吧']],
  ['**a.**b', ['**a.**b']], // as CommonMark has it
  ['❤️**b**❤️', ['❤️<b b>❤️']],
  ['# One\n## Two ##\n#three', ['h1:One', 'h2:Two', '#three']],
  ['text\n===\n---', ['text\n===', 'rule']],
  ['    indented\n  as typed', ['    indented\n  as typed']],
  ['a  \nb\\\nc', ['a\nb\nc']],
  // Emoji of the server's own.
  [':party: at :a_b-2:, :+1::-1:!', ['<e :party:> at <e :a_b-2:>, <e :+1:><e :-1:>!']],
  ['**:party:** and > :x: ||:in_side:||', ['<b <e :party:>> and > :x: <sp <e :in_side:>>']],
  ['`:party:` 10:30:45 fe80::ab:cd: :Party: :par ty: https://a.example/:party:/x', ['{:party:} 10:30:45 fe80::ab:cd: :Party: :par ty: <a https://a.example/:party:/x>']],
  // Lists.
  ['- a\n- b\n  - c\n\n    d\n- e', ['-[a, b / -[c / d], e]']],
  ['3. a\n4. b', ['3[a, b]']],
  ['1) a **b** c\n   d', ['1[a <b b> c\nd]']],
  ['* [ ] do\n* [x] done', ['-[☐ do, ☑ done]']],
  ['so:\n- a\nand on', ['so:', '-[a]', 'and on']],
  ['+1 and -1', ['+1 and -1']],
  ['1.', ['1.']], ['*', ['*']], ['***', ['***']], ['- \n- ', ['- \n- ']], ['>', ['>']], ['#', ['#']],
  // Quotes.
  ['> a\n> b\n>> c', ['quote[a\nb / quote[c]]']],
  ['> a\nanswer', ['quote[a]', 'answer']],
  ['> - a\n>   b\n> - c\n\nend', ['quote[-[a\nb, c]]', 'end']],
  // Code.
  ['run `ls @ada https://a.example *x*` now', ['run {ls @ada https://a.example *x*} now']],
  ['``a`b`` ```c``d``` `` ` `` ` e `', ['{a`b} {c``d} {`} {e}']],
  ['a ` b', ['a ` b']],
  ['` ` and ``', ['` ` and ``']],
  ['so:\n```go\nfunc main() {\n\tx()\n}\n```\ndone', ['so:', 'code go:func main() {\n\tx()\n}', 'done']],
  ['~~~ JS title\n<b>`x`</b>\n~~~', ['code js:<b>`x`</b>']],
  ['```one line```', ['{one line}']],
  ['see ```ts\nlet a\n``` there', ['see', 'code ts:let a', 'there']],
  ['see ```ts\nlet a``` there', ['see', 'code ts:let a', 'there']],
  ['```\na\n  b```\nc', ['code :a\n  b', 'c']],
  ['a\n````md\n```js\nx\n``` y\n````\nb', ['a', 'code md:```js\nx\n``` y', 'b']],
  ['> a ```\n> b', ['quote[a ```\nb]']],
  ['```\nnot closed', ['code :not closed']],
  ['- a\n  ```\n  b\n    c\n  ```', ['-[a / code :b\n  c]']],
  ['> ```\n> a\n>\n> b\n> ```', ['quote[code :a\n\nb]']],
  ['`a\u202Eb`', ['{a[U+202E]b}']],
  // Tables.
  ['a | b\n:-- | --:\n1 | **2**\n`3\\|4` |\n\nend', ['table lr[a|b, 1|<b 2>, {3\\|4}]', 'end']],
  ['|a||c|\n|-|:-:|-|\n||x||y|', ['table .c.[a||c, |x|]']],
  // What is no markup.
  ['<b>x</b> &amp; <!-- y --> <script>', ['<b>x</b> &amp; <!-- y --> <script>']],
  ['[a]: https://a.example\n[a] [b][c] [d] []()', ['[a]: <a https://a.example/ shown https://a.example>\n[a] [b][c] [d] []()']],
  // Mentions and addresses within.
  ['**@ada** and *@bo*, @foo_bar_ x_', ['<b <@!ada>> and <i <@bo>>, <@foo_bar_> x_']],
  ['https://a.example/_a_*b*~~c **https://a.example/b**', ['<a https://a.example/_a_*b*~~c> <b <a https://a.example/b>>']],
  ['xhttps://a.example ||https://a.example/||', ['xhttps://a.example <sp <a https://a.example/>>']],
  ['https://a.example/@ada', ['<a https://a.example/@ada>']],
  ['> https://a.example/b\n> c', ['quote[<a https://a.example/b>\nc]']],
])('%j', (text, blocks) => {
  expect(short(text)).toEqual(blocks);
});

test.each<[string, string]>([
  ['[the **docs**](https://a.example/b)', '<a https://a.example/b a.example|the <b docs>>'],
  ['[x](<https://a.example/a b> "title")', '<a https://a.example/a%20b a.example|x>'],
  ['![cat](https://a.example/cat.png)', '<a https://a.example/cat.png a.example|cat>'],
  ['[mail](mailto:a@b.example?bcc=c@d.example)', '<a mailto:a@b.example a@b.example|mail>'],
  ['[https://a.example/b](https://a.example/b)', '<a https://a.example/b>'],
  ['[a.example](https://a.example/b)', '<a https://a.example/b a.example|a.example>'],
  ['[@ada](https://a.example/b)', '@ada (<a https://a.example/b>)'],
  // What could be taken for another address, or is none to click on.
  ['[https://good.example](https://evil.example)', 'https://good.example (<a https://evil.example/ shown https://evil.example>)'],
  ['[go to google.com now](https://evil.example/)', 'go to google.com now (<a https://evil.example/>)'],
  ['[**google**.com](https://evil.example/)', '<b google>.com (<a https://evil.example/>)'],
  ['[google。com](https://evil.example/)', 'google。com (<a https://evil.example/>)'],
  ['[x](https://google.com@evil.example/)', '<a https://evil.example/ evil.example|x>'],
  ['[x](https://gооgle.com/)', '<a https://xn--ggle-55da.com/ xn--ggle-55da.com|x>'],
  ['[\u200b](https://evil.example/)', '<a https://evil.example/>'],
  ['[](https://evil.example/)', '<a https://evil.example/>'],
  ['[\u202Ex](https://evil.example/\u200b)', '<a https://evil.example/%E2%80%8B evil.example|x>'],
  ['[x](javascript:alert(1)) [y](data:text/html,z) [z](/v1/x) [w](ftp://a.b)', '[x](javascript:alert(1)) [y](data:text/html,z) [z](/v1/x) [w](ftp://a.b)'],
  ['[x](https://)', '[x](https://)'],
  ['[[inner](https://a.example/)](https://b.example/)', '[<a https://a.example/ a.example|inner>](<a https://b.example/>)'],
])('a link tells where it leads: %s', (text, shown) => {
  expect(short(text)).toEqual([shown]);
});

test.each<[string, string]>([
  ['**b** *i* `c` ||secret|| [x](https://a.example/) @ada', 'b i c ▒▒▒ x @ada'],
  ['# H\n- a\n  1. b\n\n> q\n```\ncode\n```\n|a|b|\n|-|-|\n|1|2|', 'H\na\nb\nq\ncode\na · b\n1 · 2'],
  ['\u202Eturned', 'turned'],
])('%j is read as %j', (text, words) => {
  expect(plain(text)).toBe(words);
});

const depth = (b: Block | Inline): number => {
  const inner = b.kind === 'list' ? b.items.flat() : 'children' in b ? b.children : [];
  return 1 + Math.max(0, ...(inner as (Block | Inline)[]).map(depth));
};

test.each(['> ', '- ', '1. ', '+\t', '> - ', '*_', '**', '_*a', '[', '![', '[](', '||a', '~~a', '`', '(', '|-', '\n-', '`a``b', '\\`'])(
  'as much of %j as a message may have is not deep', (s) => {
    const text = `a\n${s.repeat(8_192 / s.length)}`;
    expect(markdown(text, ada).map(depth).every((d) => d < 40)).toBe(true);
  });

test('as many delimiters as may be are not compared with each other beyond a bound', () => {
  expect(excessive(`${'> '.repeat(16)}a ${'*_'.repeat(999)}`)).toBe(false);
  expect(excessive(`${'> '.repeat(17)}a`)).toBe(true);
  expect(excessive('*_'.repeat(1_001))).toBe(true);
  expect(excessive('-\n'.repeat(999))).toBe(false);
  expect(excessive('-\n'.repeat(1_000))).toBe(true);
  for (const text of [`${'> '.repeat(17)}a`, '*_'.repeat(1_001), '- a\n'.repeat(1_000)]) expect(short(text)).toEqual([text]);
});

test('a table has no cells that were not written', () => {
  const text = `${'|a'.repeat(300)}|\n${'|-'.repeat(300)}|\n${'|\n'.repeat(600)}`;
  const [table] = markdown(text, ada);
  expect(table?.kind === 'table' ? table.rows.flat().length : 1e6).toBeLessThan(10);
});

test('every pair of signs, as often as a message may have it, is read', () => {
  const signs = '\n *_~`[]()<>!#-+|\\&:1.a"\'=\t>';
  for (const a of signs) for (const b of signs) {
    const text = (a + b).repeat(4_096);
    if (!excessive(text)) expect(markdown(text.trim() || 'x', ada).length).toBeGreaterThan(0);
  }
});

test('an emoji of the server’s own is told by its name', () => {
  expect(plain('**hi** :party:')).toBe('hi :party:');
});
