/** A run of a message's text; a link if it is an address. */
export interface TextPart {
  readonly text: string;
  /** The target of a link. */
  readonly href?: string;
  /** The address as it is shown, in which nobody can mistake the host. */
  readonly shown?: string;
}

// Characters that are invisible, or move what is visible: controls, soft hyphens, zero widths,
// marks of direction, fillers, and two blanks that Unicode counts among symbols and marks.
const unseen = String.raw`\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800\u{16FE4}\u{1D159}`;

// Characters that end an address wherever they stand, since nobody types an address with them:
// invisible ones, and the punctuation of scripts that put no space after it, as in
// "https://a.example/c。谢谢": ends and parts of sentences, quotes, brackets, dashes, and ASCII's own
// in full width.
const ends = String.raw`\s${unseen}\p{Terminal_Punctuation}\p{Ps}\p{Pe}\p{Pi}\p{Pf}`
  + String.raw`¡¿\u055B-\u055E\u17D8\u2014\u2015\u2026\u2E3A\u2E3B\u3003\uFE10-\uFE19\uFE50-\uFE6B\uFF02\uFF07\uFF1C\uFF1E\uFF40`;

// Addresses as people type them. Only http and https ever become links: no other scheme is safe to
// click on. An address that follows another after a comma is one of its own. Of the quotes, an
// address may contain the apostrophe, also the typographic one: "/wiki/Poe’s_law".
const within = String.raw`https?:\/\/(?:(?![,;·・]['(\[{]?https?:\/\/)(?:[!#-;=?-_a-{}~]|[^\x00-\x7F${ends}]|’))+`;
const address = new RegExp(String.raw`\b${within}`, 'giu');
const addressHere = new RegExp(within, 'iuy');

const closers: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const wordy = /^[\p{L}\p{M}\p{N}_]/u;

/** Splits a text into plain runs and links. Joined again, the parts are the text. */
export function linkify(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const link = trimmed(match[0], text[match.index - 1]);
    const target = displayLink(link);
    if (!target) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: link, ...target });
    end = match.index + link.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** The length of the address at the start of a text that follows `before`; 0: there is none. */
export function addressLength(text: string, before: string): number {
  if (/\w$/.test(before)) return 0;
  addressHere.lastIndex = 0;
  const link = trimmed(addressHere.exec(text)?.[0] ?? '', before);
  return displayLink(link) ? link.length : 0;
}

/**
 * Cuts off what closes the sentence rather than the address: "(see https://a.b/c)." A bracket that
 * the address does not open ends it, and so does the second of two quotes around it.
 */
function trimmed(link: string, before: string | undefined): string {
  const closing = before === "'" ? "'" : before === '‘' ? '’' : undefined;
  // Counted in one pass: another person wrote the text, and it may be nothing but brackets.
  const open = new Map<string, number>();
  let end = 0;
  for (; end < link.length; end++) {
    const c = link[end]!;
    if (c === closing && !wordy.test(link.slice(end + 1, end + 3))) break;
    const opener = closers[c];
    if (opener !== undefined) {
      const still = open.get(opener) ?? 0;
      if (still === 0) break;
      open.set(opener, still - 1);
    } else if ('([{'.includes(c)) open.set(c, (open.get(c) ?? 0) + 1);
  }
  while (end > 0 && '.,;:!?*_~\'’([{·・～〜'.includes(link[end - 1]!)) end--;
  return link.slice(0, end);
}

// What browsers accept between scheme and authority: any number of slashes of either kind (URL
// Standard, section 4.4).
const authority = /^https?:[/\\]*[^/\\?#]*/iu;
const anyUnseen = new RegExp(`[${unseen}]`, 'gu');

/**
 * The target of an address, and how to show it: with the host as the browser will ask for it
 * (IDNA's ASCII form, so that letters of other alphabets look like what they are), without a user
 * part, which only ever imitates a host, and with invisible characters percent-encoded. Undefined:
 * it leads nowhere.
 */
export function displayLink(link: string): { href: string; shown: string } | undefined {
  if (!URL.canParse(link)) return undefined;
  const url = new URL(link);
  if (!url.hostname) return undefined;
  url.username = url.password = '';
  const { href } = url;
  // The rest stays as it was typed, which is easier to read than the encoded form, as long as it
  // leads to the same place.
  const rest = link.replace(authority, '').replaceAll(anyUnseen, (c) => encodeURIComponent(c));
  const shown = `${url.protocol}//${url.host}${rest}`;
  return { href, shown: URL.canParse(shown) && new URL(shown).href === href ? shown : href };
}
