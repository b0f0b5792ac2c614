import { exposed, unturned } from './bidi.ts';
import { linkify } from './linkify.ts';
import { mentioned, mentions } from './mention.ts';

/** A run of a message's text, and how it is shown. */
export interface Run {
  readonly kind: 'text' | 'link' | 'mention' | 'code' | 'block';
  /** As it is shown. */
  readonly text: string;
  /** Of a link. */
  readonly href?: string;
  /** Of a mention: it is of the one who reads. */
  readonly me?: boolean;
}

// Three backticks around lines, or one around words. What is not closed is text.
const code = /\n?```(?:[\w+#.-]{0,20}\n)?([\s\S]+?)\n?```\n?|`([^`\n]+)`/gu;

/**
 * Splits a text into what is shown each in its own way; `me` is the name of who reads. Within code
 * nothing else counts.
 */
export function format(text: string, me: string): Run[] {
  const runs: Run[] = [];
  let end = 0;
  for (const match of text.matchAll(code)) {
    const [whole, block, words] = match;
    if (!(block ?? words)!.trim()) continue;
    runs.push(...prose(text.slice(end, match.index), me));
    runs.push(block === undefined ? { kind: 'code', text: exposed(words!) } : { kind: 'block', text: exposed(block) });
    end = match.index + whole.length;
  }
  runs.push(...prose(text.slice(end), me));
  return runs;
}

function prose(text: string, me: string): Run[] {
  return linkify(text).flatMap((part): Run[] => {
    if (part.href) return [{ kind: 'link', text: part.shown!, href: part.href }];
    const runs: Run[] = [];
    let end = 0;
    for (const m of mentions(part.text)) {
      if (m.at > end) runs.push({ kind: 'text', text: unturned(part.text.slice(end, m.at)) });
      const whole = `@${m.name}`;
      runs.push({ kind: 'mention', text: whole, me: mentioned(whole, me) });
      end = m.at + whole.length;
    }
    if (end < part.text.length) runs.push({ kind: 'text', text: unturned(part.text.slice(end)) });
    return runs;
  });
}
