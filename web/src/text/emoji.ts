/** The reactions offered first. */
export const quick = ['👍', '❤️', '😂'] as const;

/** The emoji offered, with the names that screen readers say and the search knows. */
export const emoji: readonly (readonly [string, string])[] = [
  ['👍', 'thumbs up'], ['👎', 'thumbs down'], ['❤️', 'heart'], ['😂', 'tears of joy'], ['😮', 'surprised'], ['😢', 'sad'],
  ['🎉', 'party'], ['👀', 'eyes'], ['🙏', 'thank you'], ['🔥', 'fire'], ['✅', 'done'], ['❌', 'no'],
  ['😀', 'grin'], ['😊', 'smile'], ['😉', 'wink'], ['😍', 'in love'], ['😎', 'cool'], ['🤔', 'thinking'],
  ['😅', 'phew'], ['🙃', 'upside down'], ['😴', 'asleep'], ['😭', 'crying'], ['😡', 'angry'], ['🤯', 'mind blown'],
  ['👋', 'wave'], ['👏', 'applause'], ['🙌', 'hooray'], ['💪', 'strong'], ['🤝', 'handshake'], ['🫡', 'salute'],
  ['🚀', 'rocket'], ['💡', 'idea'], ['⭐', 'star'], ['💯', 'hundred'], ['☕', 'coffee'], ['🍰', 'cake'],
  ['🐛', 'bug'], ['🔧', 'wrench'], ['📌', 'pin'], ['⏰', 'alarm clock'], ['🌱', 'seedling'], ['🌈', 'rainbow'],
];

// One emoji as people see it (UTS #51, section 1.4.9), but for signs that are text by themselves.
const base = String.raw`(?:\p{RI}\p{RI}|[0-9#*]\uFE0F?\u20E3|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\uFE0F|(?=[\u2600-\u27BF])\p{Extended_Pictographic})\p{EMod}?\uFE0F?[\u{E0020}-\u{E007F}]*)`;
const part = String.raw`(?:\p{Extended_Pictographic}|\p{Emoji_Presentation})\p{EMod}?\uFE0F?`;
const few = new RegExp(String.raw`^\s*(?:${base}(?:\u200D${part})*\s*){1,3}$`, 'u');

/** Whether a text is one to three emoji and nothing else. */
export function emojiOnly(text: string): boolean {
  return text.length < 120 && few.test(text);
}
