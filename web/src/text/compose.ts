/** A change of a text in a field: what to replace by what, and the selection afterwards. */
export interface TextEdit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly select: readonly [number, number];
}

/** Puts marks around the selection, or removes them. */
export function toggleMark(text: string, from: number, to: number, mark: string): TextEdit {
  const n = mark.length;
  const within = text.slice(from, to);
  if (within.length >= 2 * n && within.startsWith(mark) && within.endsWith(mark)) {
    const bare = within.slice(n, -n);
    return { from, to, text: bare, select: [from, from + bare.length] };
  }
  const outside = (a: number, b: number) => text.slice(a - n, a) === mark && text.slice(b, b + n) === mark;
  // "**" is around a word, not "*" and one more.
  const longer = text[from - n - 1] === mark[0] && text[to + n] === mark[0] && !(text[from - n - 2] === mark[0]);
  if (from >= n && outside(from, to) && !(n === 1 && longer)) return { from: from - n, to: to + n, text: within, select: [from - n, to - n] };
  // Marks stand at words: spaces at the ends of a selection stay outside.
  const lead = within.length - within.trimStart().length;
  const words = within.trim();
  const [a, b] = words ? [from + lead, from + lead + words.length] : [from, to];
  return { from: a, to: b, text: mark + words + mark, select: [a + n, a + n + words.length] };
}

/** Begins each selected line with a mark, or removes it where all lines have it. */
export function toggleLinePrefix(text: string, from: number, to: number, mark: '> ' | '- ' | '1. '): TextEdit {
  const start = text.lastIndexOf('\n', from - 1) + 1;
  const found = text.indexOf('\n', Math.max(to, start));
  const end = found < 0 ? text.length : found;
  const lines = text.slice(start, end).split('\n');
  const has = mark === '1. ' ? /^\d{1,9}[.)] / : mark === '- ' ? /^[-+*] / : /^> ?/;
  const all = lines.every((l) => has.test(l));
  const changed = lines.map((l, i) => (all ? l.replace(has, '') : `${mark === '1. ' ? `${i + 1}. ` : mark}${l.replace(mark === '> ' ? '' : /^(?:\d{1,9}[.)]|[-+*]) /, '')}`)).join('\n');
  const caret = from === to;
  const moved = start + changed.length;
  return { from: start, to: end, text: changed, select: caret ? [moved, moved] : [start, moved] };
}

/** Makes the selection code: between backticks within a line, between fences for several lines. */
export function toggleCode(text: string, from: number, to: number, lines: boolean): TextEdit {
  const within = text.slice(from, to);
  if (!lines && !within.includes('\n')) {
    if (!within.includes('`')) return toggleMark(text, from, to, '`');
    const ticks = '`'.repeat(Math.max(...within.match(/`+/g)!.map((t) => t.length)) + 1);
    const pad = within.startsWith('`') || within.endsWith('`') ? ' ' : '';
    return { from, to, text: `${ticks}${pad}${within}${pad}${ticks}`, select: [from + ticks.length + pad.length, to + ticks.length + pad.length] };
  }
  const before = from > 0 && text[from - 1] !== '\n' ? '\n' : '';
  const after = to < text.length && text[to] !== '\n' ? '\n' : '';
  const put = `${before}${fenced(within)}${after}`;
  const at = from + before.length + put.slice(before.length).indexOf('\n') + 1;
  return { from, to, text: put, select: [at, at + within.length] };
}

function fenced(lines: string): string {
  const fence = '`'.repeat(Math.max(2, ...(lines.match(/`{3,}/g) ?? []).map((t) => t.length)) + 1);
  return `${fence}\n${lines}${lines.endsWith('\n') ? '' : '\n'}${fence}`;
}

/** Makes the selection a link, whose address has yet to be written. */
export function insertLink(text: string, from: number, to: number): TextEdit {
  const words = text.slice(from, to);
  if (/^(?:https?:\/\/|mailto:)\S+$/.test(words)) return { from, to, text: `[](${words})`, select: [from + 1, from + 1] };
  const at = from + words.length + 3;
  return { from, to, text: `[${words}](https://)`, select: words ? [at, at + 8] : [from + 1, from + 1] };
}

/** In code nothing is a list. */
function inFence(text: string): boolean {
  return (text.match(/^[ \t]*(?:`{3,}|~{3,})/gm) ?? []).length % 2 === 1;
}

/**
 * What a new line does in a list or a quote: it begins the next item, or ends the list if the item
 * is empty. Undefined: an ordinary line break.
 */
export function continueList(text: string, at: number): TextEdit | undefined {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  const line = text.slice(start, at);
  const m = /^([ \t]*(?:> ?)*)(?:([-+*])|(\d{1,9})([.)]))([ \t]+)(\[[ xX]\][ \t]+)?/.exec(line) ?? /^([ \t]*(?:> ?)+)/.exec(line);
  if (!m || inFence(text.slice(0, start))) return undefined;
  const [whole, indent, bullet, number, end, space, task] = m;
  if (line.length === whole.length && !text.slice(at).match(/^[^\n]/)) {
    // Nothing was written: that was the last item.
    return { from: start, to: at, text: '', select: [start, start] };
  }
  const mark = bullet ?? (number === undefined ? '' : `${Number(number) + 1}${end}`);
  const next = `\n${indent}${mark}${mark ? space : ''}${task ? `[ ]${task.slice(3)}` : ''}`;
  return { from: at, to: at, text: next, select: [at + next.length, at + next.length] };
}

/** What to insert for a pasted text, if not the text itself: a table, or code. */
export function pastedMarkdown(html: string, plain: string, before: string): string | undefined {
  if (inFence(before) || (before.match(/`/g) ?? []).length % 2 === 1) return undefined;
  const rows = htmlTable(html) ?? tabbed(plain);
  if (rows) return `${before === '' || before.endsWith('\n\n') ? '' : before.endsWith('\n') ? '\n' : '\n\n'}${table(rows)}\n`;
  if (looksLikeCode(plain) && (before === '' || before.endsWith('\n'))) return `${fenced(plain.replace(/\r\n?/g, '\n').replace(/^\n+|\s+$/g, ''))}\n`;
  return undefined;
}

function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((r) => r.length));
  const line = (cells: readonly string[]) => `| ${Array.from({ length: columns }, (_, i) =>
    (cells[i] ?? '').replace(/\s+/g, ' ').trim().replaceAll('\\', '\\\\').replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(rows[0]!), `|${' --- |'.repeat(columns)}`, ...rows.slice(1).map(line)].join('\n');
}

/** The rows of a copied table, of which only the text is used. */
function htmlTable(html: string): string[][] | undefined {
  if (!/<table[\s>]/i.test(html) || typeof DOMParser === 'undefined') return undefined;
  // In a document of its own nothing runs, and nothing is loaded.
  const doc = new DOMParser().parseFromString(html, 'text/html');
  const found = doc.querySelectorAll('table');
  // Pages also use tables for their layout.
  if (found.length !== 1) return undefined;
  const outside = doc.body.textContent.replace(/\s/g, '').length - found[0]!.textContent.replace(/\s/g, '').length;
  if (outside > 0) return undefined;
  const rows = [...found[0]!.rows].map((r) => [...r.cells].map((c) => c.textContent));
  return rows.length >= 2 && Math.max(...rows.map((r) => r.length)) >= 2 ? rows : undefined;
}

/** The rows of cells that were copied from a spreadsheet, with tabs between them. */
function tabbed(plain: string): string[][] | undefined {
  const lines = plain.replace(/\r\n?/g, '\n').replace(/\n+$/, '').split('\n');
  if (lines.length < 2 || lines.length > 200 || lines.some((l) => l.startsWith('\t'))) return undefined;
  const rows = lines.map((l) => l.split('\t'));
  const columns = rows[0]!.length;
  return columns >= 2 && rows.every((r) => r.length === columns) ? rows : undefined;
}

/** Whether several lines look like code: some are indented, or end as lines of code do. */
function looksLikeCode(plain: string): boolean {
  const lines = plain.replace(/\r\n?/g, '\n').replace(/^\n+|\s+$/g, '').split('\n');
  const written = lines.filter((l) => l.trim());
  if (written.length < 2 || /^[ \t]*(?:```|~~~|[-+*>] |\d+[.)] )/m.test(plain)) return false;
  const indented = written.filter((l) => /^(?:\t| {2,})\S/.test(l)).length;
  const signs = written.filter((l) => /[{};]$|^\s*[}\])]|=>|^\s*(?:def|class|func|fn|import|return|if|for|while|const|let|var|public|package|#include)\b.*[:;{()=<>"']/.test(l)).length;
  return indented > 0 && (signs > 0 || indented >= written.length / 2);
}
