import { m } from '../lang/language.svelte.ts';
import Bookmark from '@lucide/svelte/icons/bookmark';
import Copy from '@lucide/svelte/icons/copy';
import Flag from '@lucide/svelte/icons/flag';
import Link from '@lucide/svelte/icons/link';
import Mail from '@lucide/svelte/icons/mail';
import MessagesSquare from '@lucide/svelte/icons/messages-square';
import Pencil from '@lucide/svelte/icons/pencil';
import Pin from '@lucide/svelte/icons/pin';
import Reply from '@lucide/svelte/icons/reply';
import Trash2 from '@lucide/svelte/icons/trash-2';
import type { Message } from '../client/index.ts';
import { reportFailure } from '../state/report-failure.ts';
import type { RoomContext } from '../state/room-context.ts';
import { roomHash, threadHash } from '../state/route.ts';
import { canModerate, type Chat, type RoomView } from '../state/chat.svelte.ts';

/**
 * An action on a message, other than a reaction: a button of its tools, or a row of its sheet.
 */
export interface MessageAction {
  readonly name: string;
  readonly Icon: typeof Copy;
  readonly act: () => unknown;
  /** The state of a toggle: whether its button is pressed. */
  readonly on?: boolean;
  /** It cannot be undone. */
  readonly grave?: boolean;
}

/** The context in which a message is shown. */
export interface ActionContext {
  readonly app: RoomContext;
  readonly chat: Chat;
  readonly view: RoomView;
  /** The message is shown inside its thread. */
  readonly inThread: boolean;
  readonly edit: (m: Message) => void;
  readonly reply: (m: Message) => void;
}

/** Returns what the user may do with a message, in the order in which it is offered. */
export function messageActions(message: Message, { app, chat, view, inThread, edit, reply }: ActionContext): MessageAction[] {
  const mine = message.user === chat.client.me.id;
  const moderates = canModerate(view.role);
  const tell = (text: string) => void app.toast(text);
  const all: MessageAction[] = [];
  if (view.canWrite) all.push({ name: m.reply(), Icon: Reply, act: () => reply(message) });
  if (!inThread && (view.canWrite || message.replies || message.thread)) {
    all.push({ name: m.replyInThread(), Icon: MessagesSquare, act: () => app.navigation.go(threadHash(view.id, message.thread ?? message)) });
  }
  all.push({ name: m.copyText(), Icon: Copy, act: () => copy(app, message.text, m.copiedDone(), m.thisBrowserDoesNotAllowCopying()) });
  all.push({ name: m.copyLink(), Icon: Link, act: () => copy(app, app.address(inThread && message.thread ? threadHash(view.id, message.thread, message.seq) : roomHash(view.id, message.seq)), m.linkCopied(), m.copyNotAllowed()) });
  const saved = chat.saved.has(message);
  all.push({ name: saved ? m.removeFromSaved() : m.saveForLater(), Icon: Bookmark, on: saved, act: () => reportFailure(chat.saved.put(message, !saved), tell, saved ? m.savedNotRemoved : m.messageNotSaved) });
  if (mine && view.canWrite) all.push({ name: m.edit(), Icon: Pencil, act: () => edit(message) });
  if ((moderates || view.direct) && view.canWrite) {
    const on = message.pinned === true;
    all.push({ name: on ? m.unpin() : m.pin(), Icon: Pin, on, act: () => reportFailure(chat.client.pin(view.id, message, !on), tell, on ? m.messageNotUnpinned : m.messageNotPinned) });
  }
  if (!mine) {
    if (!inThread && app.fullPage) all.push({ name: m.markAsUnread(), Icon: Mail, act: () => reportFailure(chat.markUnread(message), tell, m.messageNotUnread) });
    all.push({ name: m.report(), Icon: Flag, act: () => (app.dialog = { kind: 'report', room: view.id, message, name: message.name, text: message.text }) });
  }
  if ((mine || moderates) && !view.archived) {
    all.push({ name: m.deleteIt(), Icon: Trash2, grave: true, act: () => (app.dialog = { kind: 'delete', room: view.id, message, text: message.text }) });
  }
  return all;
}

async function copy(app: RoomContext, text: string, done: string, instead: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    app.toast(done);
  } catch {
    app.toast(instead);
  }
}
