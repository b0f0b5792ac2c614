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
  // Counted once: the text is another's, and may be nothing but brackets.
  const open = new Map<string, number>();
  for (const c of link) {
    if ('([{'.includes(c)) open.set(c, (open.get(c) ?? 0) + 1);
    const opener = closers[c];
    if (opener !== undefined) open.set(opener, (open.get(opener) ?? 0) - 1);
  }
  let end = link.length;
  for (; end > 0; end--) {
    const last = link[end - 1]!;
    const opener = closers[last];
    const excess = opener === undefined ? 0 : open.get(opener)!;
    if (excess < 0) open.set(opener!, excess + 1);
    else if (!'.,;:!?…*_~”’»'.includes(last)) break;
  }
  return link.slice(0, end);
}

function parses(link: string): boolean {
  return URL.canParse(link) && new URL(link).hostname !== '';
}
