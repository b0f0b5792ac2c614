import type { Message } from '../client/index.ts';
import { m } from '../lang/language.svelte.ts';
import type { Chat, RoomView } from '../state/chat.svelte.ts';
import { reportFailure } from '../state/report-failure.ts';
import type { RoomContext } from '../state/room-context.ts';

/** Puts the user's reaction with an emoji to a message, or takes it back. */
export function toggleReaction(context: Pick<RoomContext, 'toast'>, chat: Chat, view: RoomView, message: Message, emoji: string): Promise<void> {
  const on = !message.reactions[emoji]?.includes(chat.client.me.id);
  return reportFailure(chat.pendingChanges.react(view.id, message, emoji, on), (text) => context.toast(text), m.reactionNotSaved);
}
