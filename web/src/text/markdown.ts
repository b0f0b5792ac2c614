import type { SyntaxNode } from '@lezer/common';
import { withVisibleBidiControls, withoutBidiControls } from './bidi.ts';
import { grammar } from './grammar.ts';
import { displayLink } from './linkify.ts';
import { noTargets } from './mention.ts';
import { type Align, asTyped, type Block, type Cells, type MentionContext, type Inline, isMarked, type Link, plainText, inlineRuns, blockText, blocksText, type InlineStyle } from './typed.ts';

// More than anybody writes, and less than what costs time or memory: delimiters of lines, some of
// which a parser compares with each other, lines, and marks of quotes and lists within each other.
const maxDelimiters = 2_000;
const maxLines = 1_000;
const maxDepth = 16;

/** Splits a message into what is shown each in its own way. */
export function markdown(text: string, me: MentionContext = noTargets): Block[] {
  if (!isMarked(text) || excessive(text)) return asTyped(text, me);
  const lines = withFencesApart(text);
  const blocks = new Reader(lines, me).blocks(grammar.parse(lines).topNode, 0);
  // Marks without anything to mark, "1." or "***", are what somebody says.
  return blocks.every((b) => b.kind !== 'code' && !blockText(b).trim()) ? asTyped(text, me) : blocks;
}

/** Whether a text is shown in any other way than it was typed. */
export function formatted(text: string): boolean {
  if (!isMarked(text)) return false;
  return markdown(text).some((b) => b.kind !== 'paragraph' || b.children.some((r) => !['text', 'emoji', 'mention'].includes(r.kind) && !(r.kind === 'link' && !r.label)));
}

/** Whether a text has marks in such numbers that it is shown as it was typed. */
export function excessive(text: string): boolean {
  let delimiters = 0;
  for (let i = 0; i < text.length; i++) if ('*_~[]|<`!('.includes(text[i]!)) delimiters++;
  if (delimiters > maxDelimiters) return true;
  const mark = /[ \t]*(?:>|[-+*](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$))/y;
  const lines = text.split('\n');
  return lines.length > maxLines || lines.some((line) => {
    let depth = 0;
    for (mark.lastIndex = 0; mark.test(line); ) if (++depth > maxDepth) return true;
    return false;
  });
}

/** People begin and end code beside words, which CommonMark wants on lines of their own. */
function withFencesApart(text: string): string {
  if (!/`{3}[^]*\n/.test(text)) return text;
  let fence = '';
  return text.split('\n').flatMap((line) => {
    const ticks = /^[ \t]*(`{3,})[^`]*$/.exec(line)?.[1];
    if (!fence) {
      if (ticks) fence = ticks;
      const [, words, begin] = /^((?:[^`]|`[^`]+`(?!`))*?[^`\s])[ \t]*(`{3,}[\w+#.-]{0,20})[ \t]*$/.exec(line) ?? [];
      if (!begin || /^[ \t]*>/.test(line)) return [line];
      fence = /^`+/.exec(begin)![0];
      return [words!, begin];
    }
    const [, code, end, after] = new RegExp(`^([^\`]*)(${fence}\`*)(?!\`)((?:[ \\t]+.*)?)$`).exec(line) ?? [];
    if (!end) return [line];
    fence = '';
    return [...(code!.trim() ? [code!, end] : [code! + end]), ...(after!.trim() ? [after!.trimStart()] : [])];
  }).join('\n');
}

const spans: Readonly<Record<string, InlineStyle>> = {
  StrongEmphasis: 'strong', Emphasis: 'emphasis', Strikethrough: 'struck', Spoiler: 'spoiler',
};
const silent = new Set(['EmphasisMark', 'StrikethroughMark', 'SpoilerMark', 'QuoteMark', 'ListMark', 'HeaderMark', 'TableDelimiter']);

/** Reads the tree that the grammar makes of a text. */
class Reader {
  readonly #text: string;
  readonly #me: MentionContext;

  constructor(text: string, me: MentionContext) {
    this.#text = text;
    this.#me = me;
  }

  #of(node: { readonly from: number; readonly to: number }): string {
    return this.#text.slice(node.from, node.to);
  }

  /** The blocks within a node; `depth` counts those around it. */
  blocks(parent: SyntaxNode, depth: number): Block[] {
    if (depth > maxDepth) return [{ kind: 'paragraph', children: [{ kind: 'text', text: withoutBidiControls(this.#of(parent)) }] }];
    return children(parent).flatMap((node): Block[] => {
      const level = /^ATXHeading(\d)$/.exec(node.name)?.[1];
      if (level) return [{ kind: 'heading', level: Number(level), children: trim(this.#inline(node, true)) }];
      switch (node.name) {
        case 'Paragraph': return this.#paragraph(node, depth);
        case 'Task': return [{ kind: 'paragraph', children: this.#inline(node, true) }];
        case 'FencedCode':
          // A fence around nothing is what somebody says.
          return [node.getChild('CodeText') ? this.#code(node) : { kind: 'paragraph', children: inlineRuns(this.#of(node), this.#me) }];
        case 'Blockquote': return [{ kind: 'quote', children: this.blocks(node, depth + 1) }];
        case 'HorizontalRule': return [{ kind: 'rule' }];
        case 'Table': return [this.#table(node)];
        case 'BulletList': case 'OrderedList': {
          const first = this.#text.slice(node.from, node.from + 9);
          return [{
            kind: 'list', start: node.name === 'OrderedList' ? parseInt(first, 10) : undefined,
            items: node.getChildren('ListItem').map((item) => this.blocks(item, depth + 1)),
          }];
        }
        default: return [];
      }
    });
  }

  /** Code of several lines is a block also where words stand before its three backticks. */
  #paragraph(node: SyntaxNode, depth: number): Block[] {
    // Before what nothing is around, spaces stay as they are typed.
    let from = node.from;
    if (depth === 0) while (from > 0 && ' \t'.includes(this.#text[from - 1]!)) from--;
    const blocks: Block[] = [];
    for (const code of node.getChildren('InlineCode')) {
      const block = /^(`{3,})(?:([\w+#.-]{0,20})\n)?([^]*\n[^]*?)\n?\1$/.exec(this.#of(code));
      if (!block) continue;
      blocks.push({ kind: 'paragraph', children: trim(this.#inline(node, depth > 0, from, code.from)) },
        { kind: 'code', language: (block[2] ?? '').toLowerCase(), text: withVisibleBidiControls(block[3]!) });
      from = code.to;
    }
    blocks.push({ kind: 'paragraph', children: this.#inline(node, depth > 0, from) });
    return blocks.length === 1 ? blocks : blocks.filter((b) => b.kind === 'code' || blockText(b).trim());
  }

  #code(node: SyntaxNode): Block {
    const info = node.getChild('CodeInfo');
    return {
      kind: 'code', language: info ? (/^[\w+#.-]{1,20}/.exec(this.#of(info))?.[0] ?? '').toLowerCase() : '',
      text: withVisibleBidiControls(node.getChildren('CodeText').map((n) => this.#of(n)).join('')),
    };
  }

  #table(node: SyntaxNode): Block {
    const marks = this.#of(node.getChild('TableDelimiter')!).replace(/^[>\s]*\|/, '').replace(/\|\s*$/, '').split('|');
    const aligns = marks.map((m): Align => {
      const [left, right] = [m.trim().startsWith(':'), m.trim().endsWith(':')];
      return left && right ? 'center' : right ? 'right' : left ? 'left' : undefined;
    });
    // Rows that are too short stay so: filled up, a message could be a table of a million cells.
    const cells = (row: SyntaxNode) => {
      const result: Cells[number][] = [];
      let cell: readonly Inline[] | undefined;
      for (const child of children(row)) {
        if (child.name === 'TableCell') cell = this.#inline(child, true);
        else if (child.name === 'TableDelimiter') {
          if (cell || child.from > row.from) result.push(cell ?? []);
          cell = undefined;
        }
      }
      if (cell) result.push(cell);
      return result.slice(0, aligns.length);
    };
    return { kind: 'table', aligns, head: cells(node.getChild('TableHeader')!), rows: node.getChildren('TableRow').map(cells) };
  }

  /**
   * The runs within a node, of those between two places; `flush`: lines begin without their spaces.
   */
  #inline(node: SyntaxNode, flush: boolean, from = node.from, to = node.to, depth = 0, linked = false): Inline[] {
    const runs: Inline[] = [];
    let text = '';
    let fresh = flush && depth === 0; // at the beginning of a line
    const add = (more: string) => {
      if (flush) more = more.replace(fresh ? /(^|\n)[ \t]+/g : /(\n)[ \t]+/g, '$1');
      text += more;
      if (more) fresh = flush && more.endsWith('\n');
    };
    const push = (...more: Inline[]) => {
      if (text) runs.push(...(linked ? [{ kind: 'text', text: withoutBidiControls(text) } as const] : inlineRuns(text, this.#me)));
      text = '';
      if (more.length) fresh = false;
      runs.push(...more);
    };
    let at = from;
    for (const child of children(node)) {
      if (child.from < from || child.to > to) continue;
      if (child.from > at) add(this.#text.slice(at, child.from));
      at = child.to;
      const span = spans[child.name];
      if (silent.has(child.name)) {
        if (child.name === 'QuoteMark' && ' \t'.includes(this.#text[at] ?? '')) at++;
      } else if (child.name === 'HardBreak') add('\n');
      else if (child.name === 'Escape') add(this.#text.slice(child.from + 1, child.to));
      else if (child.name === 'TaskMarker') add(this.#text[child.from + 1] === ' ' ? '☐' : '☑');
      else if (depth >= maxDepth) add(this.#of(child));
      else if (span) push({ kind: span, children: this.#inline(child, flush, child.from, child.to, depth + 1, linked) });
      else if (child.name === 'InlineCode') this.#words(child, add, push);
      else if (child.name === 'Address' && !linked) {
        const { href, shown } = displayLink(this.#of(child))!;
        push({ kind: 'link', href, text: shown });
      } else if (child.name === 'Link' || child.name === 'Image') {
        const link = linked ? undefined : this.#link(child, depth);
        if (link) push(...link);
        else {
          // Brackets that lead nowhere.
          const [open, ...rest] = children(child).filter((c) => c.name === 'LinkMark');
          add(this.#of(open!));
          push(...this.#inline(child, flush, open!.to, rest[0]!.from, depth + 1, linked));
          add(this.#text.slice(rest[0]!.from, child.to));
        }
      } else add(this.#of(child));
    }
    if (to > at) add(this.#text.slice(at, to));
    push();
    return runs;
  }

  /** CommonMark, section 6.1: one space on both sides is not part of the code. */
  #words(node: SyntaxNode, add: (text: string) => void, push: (run: Inline) => void) {
    const [open, close] = node.getChildren('CodeMark');
    const words = this.#text.slice(open!.to, close!.from).replace(/\n[ \t]*(?:>[ \t]?)*/g, '\n');
    if (!words.trim()) add(this.#of(node));
    else push({ kind: 'code', text: withVisibleBidiControls(/^[ \n][^]*[ \n]$/.test(words) ? words.slice(1, -1) : words) });
  }

  /**
   * A link with a label says to which host it leads; a label that looks like an address stands
   * beside the true one.
   */
  #link(node: SyntaxNode, depth: number): Inline[] | undefined {
    const url = node.getChild('URL');
    if (!url) return undefined;
    const [open, end] = node.getChildren('LinkMark');
    const to = target(this.#of(url).replace(/^<|>$/g, '').replace(/\\([!-/:-@[-`{-~])/g, '$1'));
    if (!to) return undefined;
    const label = this.#inline(node, true, open!.to, end!.from, depth + 1, true);
    const words = plainText(label);
    const link: Link = { kind: 'link', href: to.href, text: to.shown };
    if (!/[^\s\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u.test(words) || displayLink(words)?.href === to.href) return [link];
    if (looksLikeAddress(words, to.host)) return [...label, { kind: 'text', text: ' (' }, link, { kind: 'text', text: ')' }];
    return [{ ...link, label, host: to.host }];
  }
}

/** Where a link leads: to what is safe to click on, or nowhere. */
function target(url: string): { href: string; shown: string; host: string } | undefined {
  if (/^https?:\/\//i.test(url)) {
    const there = displayLink(url);
    return there && { ...there, host: new URL(there.href).host };
  }
  // Without the fields of a letter, which nobody sees before it is sent.
  const mail = /^mailto:([^\s?#&/]+@[^\s?#&/]+)/i.exec(url)?.[1];
  return mail === undefined || !URL.canParse(`mailto:${mail}`) ? undefined
    : { href: `mailto:${mail}`, shown: withVisibleBidiControls(mail), host: withVisibleBidiControls(mail) };
}

/** Whether words name another host than that, or a whole address. */
function looksLikeAddress(words: string, host: string): boolean {
  if (/:\s*[/\\]{2}|@/.test(words)) return true;
  const names = words.normalize('NFKC').match(/[\p{L}\p{N}\p{M}-]+(?:[.。][\p{L}\p{N}\p{M}-]+)+/gu) ?? [];
  return names.some((n) => n.toLowerCase() !== host && /[.。]\p{L}[\p{L}\p{N}\p{M}-]+$/u.test(n));
}

/**
 * What a message says, for where there is no room for how: lists, notifications, screen readers.
 */
export function plain(text: string): string {
  return blocksText(markdown(text));
}

function trim(runs: Inline[]): Inline[] {
  const [first, last] = [runs[0], runs.at(-1)];
  if (first?.kind === 'text') runs[0] = { ...first, text: first.text.trimStart() };
  if (last?.kind === 'text') runs[runs.length - 1] = { ...last, text: (runs.length === 1 ? last.text.trimStart() : last.text).trimEnd() };
  return runs;
}

function children(node: SyntaxNode): SyntaxNode[] {
  const list: SyntaxNode[] = [];
  for (let c = node.firstChild; c; c = c.nextSibling) list.push(c);
  return list;
}
