import type { Message } from '../client/index.ts';
import { mentionKey, type MentionTargets, noTargets } from '../text/mention.ts';
import type { Chat } from './chat.svelte.ts';

/** Whom a text means, and who reads it. */
export interface MentionContext extends MentionTargets {
  /** The key of the reader's name; undefined: nothing is said to the reader. */
  readonly me?: string;
}

/** The people who may be meant in a room, as far as they are known: ids by the keys of their names. */
export type UserIDsByName = ReadonlyMap<string, string>;

/** Makes that of people and their names; of two with one name the first counts. */
export function userIDsByName(people: Iterable<{ readonly user: string; readonly name: string }>): UserIDsByName {
  const all = new Map<string, string>();
  for (const { user, name } of people) {
    const key = mentionKey(name);
    if (!all.has(key)) all.set(key, user);
  }
  return all;
}

/**
 * Whom a message means: as the record has found out, or, while it has not, whoever is known by one
 * of the names that stand in the text.
 */
export function resolveMentions(message: Pick<Message, 'mentions' | 'mentionNames'> | undefined, people: () => UserIDsByName, me: string): MentionContext {
  const mine = mentionKey(me);
  const { mentions, mentionNames } = message ?? {};
  if (!mentions) return { ...noTargets, names: people(), me: mine };
  const [room, here] = [mentions.includes('@room'), mentions.includes('@here')];
  if (mentionNames || mentions.every((id) => id.startsWith('@'))) return { names: new Set((mentionNames ?? []).map(mentionKey)), room, here, me: mine };
  // A record of an earlier release keeps the ids alone.
  const ids = new Set(mentions);
  return { names: { has: (key) => ids.has(people().get(key) ?? '') }, room, here, me: mine };
}

/** Whom the messages of the open room mean. */
export class MentionResolver {
  readonly #chat: Chat;
  /** Its members, and, where they are not all known, who has written there. */
  readonly #people = $derived.by(() => {
    const { client, members, online, view } = this.#chat;
    const authors = members.more || !members.list.length ? (view?.messages ?? []) : [];
    return userIDsByName([{ user: client.me.id, name: client.me.name }, ...members.list, ...online.people, ...authors]);
  });

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  /** Whom a message of the open room means; `aside`: nothing in it is said to the user. */
  of(message: Message | undefined, aside = false): MentionContext {
    const { me, ...means } = resolveMentions(message, () => this.#people, this.#chat.client.me.name);
    return aside ? means : { ...means, me: me! };
  }
}
