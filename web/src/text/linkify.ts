/** A run of a message's text: a link where there is an address. */
export interface Part {
  readonly text: string;
  readonly href?: string;
}

// Addresses as people type them. Only http and https ever become links: no other scheme is safe to click on.
const address = /\bhttps?:\/\/[^\s<>"'`]+/giu;
const closers: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** Splits a text into plain runs and links. Joined again, the parts are the text. */
export function linkify(text: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const link = trimmed(match[0]);
    if (!parses(link)) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: link, href: link });
    end = match.index + link.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** Cuts off what closes the sentence rather than the address: "(see https://a.b/c)." */
function trimmed(link: string): string {
  for (;;) {
    const last = link.at(-1) ?? '';
    const opener = closers[last];
    const unbalanced = opener !== undefined && count(link, opener) < count(link, last);
    if (!unbalanced && !'.,;:!?…*_~”’»'.includes(last)) return link;
    link = link.slice(0, -1);
  }
}

const count = (s: string, c: string): number => s.split(c).length - 1;

function parses(link: string): boolean {
  return URL.canParse(link) && new URL(link).hostname !== '';
}
