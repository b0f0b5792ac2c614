import type { SkinTone } from '../text/emojis.ts';

const kept = 24;

/** Which emoji the user used last, and in which skin tone. */
export class EmojiPreference {
  readonly #key: string;
  #recent: readonly string[] = [];
  #tone: SkinTone = 0;

  constructor(key: string) {
    this.#key = key;
    try {
      const v = JSON.parse(localStorage.getItem(key) ?? '{}') as { recent?: unknown; tone?: unknown };
      if (Array.isArray(v.recent)) this.#recent = v.recent.filter((e): e is string => typeof e === 'string' && e.length < 64).slice(0, kept);
      if ([1, 2, 3, 4, 5].includes(v.tone as number)) this.#tone = v.tone as SkinTone;
    } catch {
      // Storage is off, or its value is not ours.
    }
  }

  /** The newest first. */
  get recent(): readonly string[] {
    return this.#recent;
  }
  get tone(): SkinTone {
    return this.#tone;
  }

  took(emoji: string): void {
    this.#recent = [emoji, ...this.#recent.filter((e) => e !== emoji)].slice(0, kept);
    this.#save();
  }
  choose(tone: SkinTone): void {
    this.#tone = tone;
    this.#save();
  }

  #save() {
    try {
      localStorage.setItem(this.#key, JSON.stringify({ recent: this.#recent, tone: this.#tone }));
    } catch {
      // Storage is off or full: it lasts as long as the page.
    }
  }
}

/** Of who uses this browser. */
export const emojiPreference = new EmojiPreference('hubbub.emoji');
