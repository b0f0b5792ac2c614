import { ownEmoji } from './typed.ts';

/** The reactions offered first. */
export const quickReactions = ['👍', '❤️', '😂'] as const;

// One emoji as people see it (UTS #51, section 1.4.9), except signs that are text by themselves.
const base = String.raw`(?:\p{RI}\p{RI}|[0-9#*]\uFE0F?\u20E3|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|(?=[\u2600-\u27BF])\p{Extended_Pictographic})\p{EMod}?\uFE0F?[\u{E0020}-\u{E007F}]*)`;
const part = String.raw`(?:\p{Extended_Pictographic}|\p{Emoji_Presentation})\p{EMod}?\uFE0F?`;
const few = new RegExp(String.raw`^\s*(?:(?:${base}(?:\u200D${part})*|${ownEmoji})\s*){1,3}$`, 'u');
const own = new RegExp(ownEmoji, 'g');

/**
 * Whether a text is one to three emoji and nothing else; `known` says which `:name:` are some of
 * the server's own.
 */
export function emojiOnly(text: string, known: (own: string) => boolean = () => false): boolean {
  return text.length < 120 && few.test(text) && (text.match(own) ?? []).every(known);
}

/**
 * The shortcode at the end of a text, without its colons: either begun with at least two letters,
 * or closed by its second colon.
 */
export function shortcode(text: string): { readonly code: string; readonly closed: boolean } | undefined {
  const [, code, colon] = /(?<![\p{L}\p{N}:/])[:：]([a-z0-9_+-]{2,40})([:：]?)$/iu.exec(text) ?? [];
  return code === undefined ? undefined : { code, closed: colon !== '' };
}
