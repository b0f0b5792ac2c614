import type { Message } from '../client/index.ts';
import { m } from '../lang/language.svelte.ts';
import type { Chat, RoomView } from '../state/chat.svelte.ts';
import { attempt } from '../state/marks.svelte.ts';
import type { Place } from '../state/place.ts';

/** Puts the user's reaction with an emoji to a message, or takes it back. */
export function toggleReaction(place: Pick<Place, 'toast'>, chat: Chat, view: RoomView, message: Message, emoji: string): Promise<void> {
  const on = !message.reactions[emoji]?.includes(chat.client.me.id);
  return attempt(chat.acts.react(view.id, message, emoji, on), (text) => place.toast(text), m.reactionNotSaved);
}
