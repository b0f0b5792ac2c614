/** A run of a message's text: a link where there is an address. */
export interface Part {
  readonly text: string;
  /** Of a link: where it leads. */
  readonly href?: string;
  /** Of a link: the address as it is shown, in which nobody can mistake the host. */
  readonly shown?: string;
}

// Addresses as people type them. Only http and https ever become links: no other scheme is safe to
// click on.
const address = /\bhttps?:\/\/[^\s<>"'`]+/giu;
const closers: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** Splits a text into plain runs and links. Joined again, the parts are the text. */
export function linkify(text: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const link = trimmed(match[0]);
    const address = honest(link);
    if (!address) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: link, ...address });
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

// What browsers take for scheme and authority: any number of slashes of either kind between them
// (URL Standard, section 4.4).
const authority = /^https?:[/\\]*[^/\\?#]*/iu;
// What cannot be seen, or moves what can.
const unseen = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/**
 * Where an address leads, and how to show that: with the host as the browser will ask for it
 * (IDNA's ASCII form, so that letters of other alphabets look like what they are), without a user's
 * part, which only ever looks like a host, and with what cannot be seen percent-encoded. Undefined:
 * nowhere.
 */
function honest(link: string): { href: string; shown: string } | undefined {
  if (!URL.canParse(link)) return undefined;
  const url = new URL(link);
  if (!url.hostname) return undefined;
  url.username = url.password = '';
  const { href } = url;
  // The rest stays as it was typed, which is easier to read than what is encoded, as long as it
  // leads to the same place.
  const rest = link.replace(authority, '').replaceAll(unseen, (c) => encodeURIComponent(c));
  const shown = `${url.protocol}//${url.host}${rest}`;
  return { href, shown: URL.canParse(shown) && new URL(shown).href === href ? shown : href };
}
