import { m } from '../lang/language.svelte.ts';
import type { User } from '../client/index.ts';
import { isolate } from '../text/bidi.ts';
import { personKey } from '../text/name.ts';
import type { SlashName } from '../text/slash.ts';
import type { App } from './app.svelte.ts';
import type { Chat, RoomView } from './chat.svelte.ts';

/** A command was not carried out; the message tells the user why. */
export class SlashError extends Error {
  override readonly name = 'SlashError';
}

/**
 * Carries out a slash command in a room. Returns the text to send instead, if any, and rejects with
 * a SlashError, or as the server's answer does.
 */
export async function runSlash(app: App, chat: Chat, view: RoomView, name: SlashName, rest: string): Promise<string | undefined> {
  switch (name) {
    case 'me':
      return `_${needed(rest, m.saySomethingMe())}_`;
    case 'shrug':
      return `${rest} ¯\\\\_(ツ)\\_/¯`.trim();
    case 'online':
      chat.setStatus('online');
      return undefined;
    case 'away':
      chat.setStatus('idle');
      return undefined;
    case 'dnd':
      chat.setStatus('dnd');
      return undefined;
    case 'leave':
      if (view.direct && !view.group) throw new SlashError(m.leaveNotTwo());
      app.dialog = { kind: 'leave', room: view.id, name: view.name };
      return undefined;
    case 'topic':
      if (view.direct) throw new SlashError(m.noTopicConversation());
      await chat.client.changeRoom(view.id, { topic: rest });
      return undefined;
    case 'join':
      return join(app, chat, needed(rest, m.nameTheRoom()).replace(/^#/u, ''));
    case 'invite': {
      if (view.direct) throw new SlashError(m.nobodyToConversation());
      const { user } = await find(chat, needed(rest, m.nameSomebodyInvite()));
      const asked = await chat.client.directory.addMember(view.id, user.id);
      app.toast(asked ? m.wasAsked({ name: isolate(user.name) }) : m.isInNow({ name: isolate(user.name) }));
      return undefined;
    }
    case 'msg': {
      const { user, words } = await find(chat, needed(rest, m.nameSomebodyMsg()));
      const room = await chat.client.direct(user);
      if (words) chat.client.send(room.id, words);
      app.go(room.id);
      return undefined;
    }
    case 'list-users':
      return '/list-users'; // the server answers it
    case 'help':
      return undefined; // the composer lists the commands
  }
}

function needed(rest: string, otherwise: string): string {
  if (!rest) throw new SlashError(otherwise);
  return rest;
}

/**
 * Finds who a text begins with, and what follows the name. Names have no spaces, but for a guest's.
 */
async function find(chat: Chat, text: string): Promise<{ user: User; words: string }> {
  const [, name, words] = /^[@＠]?(\S+(?: \(guest\))?)\s*([^]*)$/u.exec(text)!;
  const users = await chat.client.directory.findUsers(name!);
  const user = users.find((u) => personKey(u.name) === personKey(name!));
  if (!user) throw new SlashError(m.nobodyHasName({ name: isolate(name!) }));
  if (user.id === chat.client.me.id) throw new SlashError(m.thatIsYou());
  return { user, words: words! };
}

async function join(app: App, chat: Chat, name: string): Promise<undefined> {
  const same = (r: { name: string }) => personKey(r.name) === personKey(name);
  const mine = chat.rooms.find((r) => !r.direct && same(r));
  if (mine) return app.go(mine.id) as undefined;
  const found = (await chat.client.directory.publicRooms(name, 'members')).list.find(same);
  if (!found) throw new SlashError(m.noPublicRoom({ name: isolate(name) }));
  if (!found.member) await chat.client.joinRoom(found);
  app.go(found.id);
}
