import { expect, test } from 'vitest';
import { toggleMark, toggleLinePrefix, type TextEdit, toggleCode, insertLink, continueList, pastedMarkdown } from './compose.ts';

/** The text with the selection between ‹ and ›, or the caret as ¦. */
function read(shown: string): [string, number, number] {
  const caret = shown.indexOf('¦');
  if (caret >= 0) return [shown.replace('¦', ''), caret, caret];
  const [from, to] = [shown.indexOf('‹'), shown.indexOf('›') - 1];
  return [shown.replace(/[‹›]/g, ''), from, to];
}
function show(text: string, c: TextEdit): string {
  const next = text.slice(0, c.from) + c.text + text.slice(c.to);
  const [a, b] = c.select;
  return a === b ? `${next.slice(0, a)}¦${next.slice(a)}` : `${next.slice(0, a)}‹${next.slice(a, b)}›${next.slice(b)}`;
}
const does = (change: (text: string, from: number, to: number) => TextEdit | undefined, shown: string) => {
  const [text, from, to] = read(shown);
  const c = change(text, from, to);
  return c && show(text, c);
};

test.each([
  ['a ‹b› c', '**', 'a **‹b›** c'], ['a **‹b›** c', '**', 'a ‹b› c'], ['a ‹**b**› c', '**', 'a ‹b› c'], ['a ‹b ›c', '*', 'a *‹b›* c'],
  ['¦', '~~', '~~¦~~'], ['~~¦~~', '~~', '¦'], ['**‹b›**', '*', '***‹b›***'], ['***‹b›***', '**', '*‹b›*'], ['*‹b›*', '*', '‹b›'],
])('%j with %s is %j', (shown, mark, then) => {
  expect(does((t, a, b) => toggleMark(t, a, b, mark), shown)).toBe(then);
});

test.each<[string, '> ' | '- ' | '1. ', string]>([
  ['a\n‹b\nc›\nd', '- ', 'a\n‹- b\n- c›\nd'], ['‹- b\n- c›', '- ', '‹b\nc›'], ['‹- b\n- c›', '1. ', '‹1. b\n2. c›'], ['¦', '> ', '> ¦'], ['a¦b', '> ', '> ab¦'],
  ['‹> a\n> b›', '> ', '‹a\nb›'],
])('%j with %j is %j', (shown, mark, then) => {
  expect(does((t, a, b) => toggleLinePrefix(t, a, b, mark), shown)).toBe(then);
});

test.each<[string, boolean, string]>([
  ['a ‹b› c', false, 'a `‹b›` c'], ['‹a`b›', false, '``‹a`b›``'], ['‹`a›', false, '`` ‹`a› ``'], ['x ‹a\nb›', false, 'x \n```\n‹a\nb›\n```'],
  ['¦', true, '```\n¦\n```'], ['‹a ``` b›', true, '````\n‹a ``` b›\n````'],
])('%j is code: %s, %j', (shown, lines, then) => {
  expect(does((t, a, b) => toggleCode(t, a, b, lines), shown)).toBe(then);
});

test.each([['see ‹this›', 'see [this](‹https://›)'], ['¦', '[¦](https://)'], ['‹https://a.example›', '[¦](https://a.example)']])('%j is a link: %j', (shown, then) => {
  expect(does(insertLink, shown)).toBe(then);
});

test.each<[string, string | undefined]>([
  ['- a¦', '- a\n- ¦'], ['  * a¦b', '  * a\n  * ¦b'], ['9. a¦', '9. a\n10. ¦'], ['1) a¦', '1) a\n2) ¦'], ['- [x] a¦', '- [x] a\n- [ ] ¦'],
  ['> a¦', '> a\n> ¦'], ['> - a¦', '> - a\n> - ¦'], ['- a\n- ¦', '- a\n¦'], ['> a\n> ¦', '> a\n¦'],
  ['a¦', undefined], ['-a¦', undefined], ['```\n- a¦', undefined], ['```\nx\n```\n- a¦', '```\nx\n```\n- a\n- ¦'],
])('after a new line %j is %j', (shown, then) => {
  expect(does((t, a) => continueList(t, a), shown)).toBe(then);
});

test.each<[string, string, string | undefined]>([
  ['a\tb\nc\td', '', '| a | b |\n| --- | --- |\n| c | d |\n'],
  ['a\tb\r\nc|x\td\\\r\n', 'so:', '\n\n| a | b |\n| --- | --- |\n| c\\|x | d\\\\ |\n'],
  ['a\tb', '', undefined], ['a\tb\nc', '', undefined], ['\ta\tb\n\tc\td', '', '```\n\ta\tb\n\tc\td\n```\n'],
  ['func a() {\n\tb()\n}', '', '```\nfunc a() {\n\tb()\n}\n```\n'],
  ['if x:\r\n    y()\r\n', 'see\n', '```\nif x:\n    y()\n```\n'],
  ['if x:\n    y()', 'see ', undefined], ['if x:\n    y()', '```\n', undefined], ['func a() {\n\tb()\n}', '`', undefined],
  ['two lines\nof words', '', undefined], ['- a\n  - b', '', undefined], ['a poem\n  of one\nindented line', '', undefined], ['one line;', '', undefined],
])('%j pasted after %j is %j', (plain, before, then) => {
  expect(pastedMarkdown('', plain, before)).toBe(then);
});
