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
