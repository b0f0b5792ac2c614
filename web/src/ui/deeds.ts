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
import { describe } from '../lang/describe.ts';
import type { Place as Around } from '../state/place.ts';
import { roomHash, threadHash } from '../state/route.ts';
import { looksAfter, type Chat, type RoomView } from '../state/chat.svelte.ts';

/**
 * What can be done with a message, but for reactions: a button of its tools, or a row of its sheet.
 */
export interface Deed {
  readonly name: string;
  readonly Icon: typeof Copy;
  readonly act: () => unknown;
  /** It is on: whether the button is pressed. */
  readonly on?: boolean;
  /** It cannot be undone. */
  readonly grave?: boolean;
}

/** What has to be known of the place where a message is shown. */
export interface Place {
  readonly app: Around;
  readonly chat: Chat;
  readonly view: RoomView;
  /** It stands in its thread already. */
  readonly inThread: boolean;
  readonly edit: (m: Message) => void;
  readonly reply: (m: Message) => void;
}

/** Returns what the user may do with a message, in the order in which it is offered. */
export function deeds(message: Message, { app, chat, view, inThread, edit, reply }: Place): Deed[] {
  const mine = message.user === chat.client.me.id;
  const moderates = looksAfter(view.role);
  /** Does it, or says that it was not done. */
  const attempt = async (work: Promise<unknown>, failed: string) => {
    try {
      await work;
    } catch (err) {
      app.toast(`${failed} ${describe(err)}`);
    }
  };
  const all: Deed[] = [];
  if (view.writes) all.push({ name: 'Reply', Icon: Reply, act: () => reply(message) });
  if (!inThread && (view.writes || message.replies || message.thread)) {
    all.push({ name: 'Reply in thread', Icon: MessagesSquare, act: () => app.layers.go(threadHash(view.id, message.thread ?? message)) });
  }
  all.push({ name: 'Copy text', Icon: Copy, act: () => copy(app, message.text, 'Copied.', ' Select the text instead.') });
  all.push({ name: 'Copy link', Icon: Link, act: () => copy(app, app.address(inThread && message.thread ? threadHash(view.id, message.thread, message.seq) : roomHash(view.id, message.seq)), 'The link to this message is copied.') });
  const saved = chat.saved.has(message);
  all.push({ name: saved ? 'Remove from saved' : 'Save for later', Icon: Bookmark, on: saved, act: () => attempt(chat.saved.put(message, !saved), `The message was not ${saved ? 'removed' : 'saved'}.`) });
  if (mine && view.writes) all.push({ name: 'Edit', Icon: Pencil, act: () => edit(message) });
  if ((moderates || view.direct) && view.writes) {
    const on = message.pinned === true;
    all.push({ name: on ? 'Unpin' : 'Pin', Icon: Pin, on, act: () => attempt(chat.client.pin(view.id, message, !on), `The message was not ${on ? 'unpinned' : 'pinned'}.`) });
  }
  if (!mine) {
    if (!inThread && app.whole) all.push({ name: 'Mark as unread', Icon: Mail, act: () => attempt(chat.markUnread(message), 'The message was not marked as unread.') });
    all.push({ name: 'Report', Icon: Flag, act: () => (app.dialog = { kind: 'report', room: view.id, message, name: message.name, text: message.text }) });
  }
  if ((mine || moderates) && !view.archived) {
    all.push({ name: 'Delete', Icon: Trash2, grave: true, act: () => (app.dialog = { kind: 'delete', room: view.id, message, text: message.text }) });
  }
  return all;
}

async function copy(app: Around, text: string, done: string, instead = ''): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    app.toast(done);
  } catch {
    app.toast(`This browser does not allow to copy.${instead}`);
  }
}
