import { withoutBidiControls } from './bidi.ts';
import { linkify } from './linkify.ts';
import { type MentionTargets, noTargets, mentions } from './mention.ts';

export type InlineStyle = 'strong' | 'emphasis' | 'struck' | 'spoiler';

/** A run within a line, and how it is shown. */
export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  /** `:name:`, which may be an emoji of the server's own. */
  | { readonly kind: 'emoji'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'mention'; readonly text: string; /** It is of the one who reads. */ readonly me: boolean }
  | Link
  | { readonly kind: InlineStyle; readonly children: readonly Inline[] };

export interface Link {
  readonly kind: 'link';
  readonly href: string;
  /** The address, in which nobody can mistake the host. */
  readonly text: string;
  /** What stands for the address, which is then told by `host` alone. */
  readonly label?: readonly Inline[];
  readonly host?: string;
}

export type Align = 'left' | 'center' | 'right' | undefined;

/** A part of a message that has lines of its own. */
export type Block =
  | { readonly kind: 'paragraph'; readonly children: readonly Inline[] }
  | { readonly kind: 'heading'; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string; readonly language: string }
  | { readonly kind: 'quote'; readonly children: readonly Block[] }
  | { readonly kind: 'list'; /** Of a numbered one: the first number. */ readonly start: number | undefined; readonly items: readonly (readonly Block[])[] }
  | { readonly kind: 'table'; readonly aligns: readonly Align[]; readonly head: Cells; readonly rows: readonly Cells[] }
  | { readonly kind: 'rule' };
export type Cells = readonly (readonly Inline[])[];

// A text without any of these is one paragraph, which most messages are.
const marked = /[*_~`|[\]<>\\#]|^[ \t]*(?:[-+]|\d{1,9}[.)])|\n[ \t]*\n/m;

/** Whom a message may mean, and who reads it: the key of the reader's name. */
export type MentionContext = MentionTargets & { readonly me?: string | undefined };

/** Whether a text may be shown in another way than it was typed: only then it has to be parsed. */
export function isMarked(text: string): boolean {
  return marked.test(text);
}

/** A text as it stands, with its links and mentions. */
export function asTyped(text: string, me: MentionContext = noTargets): Block[] {
  return [{ kind: 'paragraph', children: linkify(text).flatMap((p): Inline[] =>
    p.href === undefined ? inlineRuns(p.text, me) : [{ kind: 'link', href: p.href, text: p.shown! }]) }];
}

/** The runs of words that have no marks. */
export function inlineRuns(text: string, me: MentionContext): Inline[] {
  const runs: Inline[] = [];
  let end = 0;
  for (const m of mentions(text, me)) {
    if (m.at > end) runs.push(...words(text.slice(end, m.at)));
    const whole = `@${m.name}`;
    runs.push({ kind: 'mention', text: whole, me: m.key === me.me });
    end = m.at + whole.length;
  }
  if (end < text.length) runs.push(...words(text.slice(end)));
  return runs;
}

/** The form of an emoji of the server's own, as the source of an expression. */
export const ownEmoji = ':[a-z0-9_+-]{2,32}:';
/** What has that form, and is not within a time or an address. */
const own = new RegExp(`((?<![A-Za-z0-9])${ownEmoji}(?![A-Za-z0-9]))`);

/** The runs of words without mentions. */
function words(text: string): Inline[] {
  // every other part is what the expression finds
  return text.split(own).flatMap((part, i): Inline[] =>
    i % 2 ? [{ kind: 'emoji', text: part }] : part ? [{ kind: 'text', text: withoutBidiControls(part) }] : []);
}

/** What the runs say, without how. A spoiler is not told. */
export function plainText(runs: readonly Inline[]): string {
  return runs.map((r) => {
    switch (r.kind) {
      case 'spoiler': return '▒▒▒';
      case 'link': return r.label ? plainText(r.label) : r.text;
      case 'text': case 'emoji': case 'code': case 'mention': return r.text;
      default: return plainText(r.children);
    }
  }).join('');
}

/** What a block says, without how. */
export function blockText(block: Block): string {
  switch (block.kind) {
    case 'paragraph': case 'heading': return plainText(block.children);
    case 'code': return block.text;
    case 'quote': return block.children.map(blockText).join('\n');
    case 'list': return block.items.map((item) => item.map(blockText).join('\n')).join('\n');
    case 'table': return [block.head, ...block.rows].map((row) => row.map(plainText).join(' · ')).join('\n');
    case 'rule': return '';
  }
}

/** What blocks say, for where there is no room for how: lists, notifications, screen readers. */
export function blocksText(blocks: readonly Block[]): string {
  return blocks.map(blockText).filter(Boolean).join('\n');
}
