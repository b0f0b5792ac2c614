/** Made by emojidata.ts. */
declare module 'virtual:emoji' {
  const data: readonly import('../../emojidata.ts').EmojiData[];
  export default data;
}
