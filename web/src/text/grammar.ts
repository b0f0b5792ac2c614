import type { BlockContext, InlineContext, InlineParser, Line, MarkdownExtension } from '@lezer/markdown';
import { InlineContext as Inline, parser, Strikethrough, Table, TaskList } from '@lezer/markdown';
import { addressLength } from './linkify.ts';

// The scripts that put no space between words, with their punctuation.
const cjk = /[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\u3000-\u303F\uFF00-\uFFEF]/u;
const punctuation = /[\p{P}\p{S}]/u;
const star = 42, underscore = 95, bar = 124, h = 104, H = 72;

/** The characters on both sides of a delimiter. */
function sides(cx: InlineContext, from: number, to: number) {
  const before = /.$/su.exec(cx.slice(Math.max(from - 2, cx.offset), from))?.[0] ?? ' ';
  const after = /^./su.exec(cx.slice(to, to + 2))?.[0] ?? ' ';
  return { before, after };
}

/**
 * CommonMark's emphasis (section 6.2), with an exception for scripts without spaces: there
 * "**你好。**谢谢" is strong, as in the amendment of markdown-cjk-friendly.
 */
const emphasis: InlineParser = {
  name: 'Emphasis',
  parse(cx, next, from) {
    if (next !== star && next !== underscore) return -1;
    let to = from + 1;
    while (cx.char(to) === next) to++;
    const { before, after } = sides(cx, from, to);
    const p = (c: string) => punctuation.test(c) && !cjk.test(c);
    const open = /\s/.test(before) || p(before) || cjk.test(before);
    const close = /\s/.test(after) || p(after) || cjk.test(after);
    const left = !/\s/.test(after) && (!p(after) || open);
    const right = !/\s/.test(before) && (!p(before) || close);
    const word = next === underscore;
    return cx.addDelimiter(word ? Inline.emphasisUnderscore : Inline.emphasisAsterisk, from, to,
      left && (!word || !right || punctuation.test(before)), right && (!word || !left || punctuation.test(after)));
  },
};

const spoilerMark = { resolve: 'Spoiler', mark: 'SpoilerMark' };

/** ||A spoiler, which is hidden until the reader asks.|| In "a || b" the bars are text. */
const spoiler: MarkdownExtension = {
  defineNodes: ['Spoiler', 'SpoilerMark'],
  parseInline: [{
    name: 'Spoiler',
    parse(cx, next, from) {
      if (next !== bar || cx.char(from + 1) !== bar) return -1;
      const { before, after } = sides(cx, from, from + 2);
      return cx.addDelimiter(spoilerMark, from, from + 2, !/\s/.test(after), !/\s/.test(before));
    },
    after: 'Emphasis',
  }],
};

/** Nothing within an address is emphasis. */
const address: MarkdownExtension = {
  defineNodes: ['Address'],
  parseInline: [{
    name: 'Address',
    parse(cx, next, from) {
      if ((next !== h && next !== H) || !/^https?:/i.test(cx.slice(from, from + 6))) return -1;
      const length = addressLength(cx.slice(from, cx.end), cx.slice(Math.max(from - 1, cx.offset), from));
      return length ? cx.addElement(cx.elt('Address', from, from + length)) : -1;
    },
    before: 'Escape',
  }],
};

/**
 * A line without the quote's mark or the list's indentation ends it: people answer below a quote.
 */
const eager: MarkdownExtension = {
  parseBlock: [{
    name: 'Eager',
    endLeaf: (cx: BlockContext, line: Line) => (line as Line & { readonly depth: number }).depth < cx.depth,
  }],
};

/**
 * The CommonMark that people write in a chat, with GFM's tables, strikethrough and tasks. HTML and
 * entities are text; indented text is not code.
 */
export const grammar = parser.configure([
  Table, Strikethrough, TaskList, spoiler, address, eager,
  { parseInline: [emphasis], remove: ['HTMLBlock', 'HTMLTag', 'Entity', 'Autolink', 'IndentedCode', 'SetextHeading', 'LinkReference'] },
]);
