import type { FoundMessage } from '../client/search.ts';
/** The parts of the server page. */
export const serverSections = ['people', 'reports', 'invitations', 'bans', 'rooms', 'emoji', 'audit'] as const;
export type ServerSection = (typeof serverSections)[number];

/** What a part shows, such as a person or a filter: strings by name. */
export type Asked = Readonly<Record<string, string>>;

/**
 * Where the page is: the list of rooms, a room, a link that chooses a new password, confirms a mail
 * address, ends digests or sets the server up, or a part of the server page, or none of its parts.
 */
export type Route =
  | { readonly page: 'rooms' }
  /** The threads that the user follows. */
  | { readonly page: 'threads' }
  /** A room; `seq`: at this message; `thread`: beside this thread, which is named by its root. */
  | { readonly page: 'room'; readonly room: string; readonly seq?: number; readonly thread?: { readonly user: string; readonly id: string; /** At this answer. */ readonly seq?: number } }
  | { readonly page: 'server'; readonly section?: ServerSection; readonly asked: Asked }
  | { readonly page: 'reset' | 'setup' | 'mail' | 'digests'; readonly secret: string };

/** Reads the part of the address after #. Any other address is the list of rooms. */
export function parseRoute(hash: string): Route {
  const [, page, secret] = /^#\/(reset|setup|mail)\/([A-Za-z0-9_-]{1,128})$/.exec(hash) ?? [];
  if (secret !== undefined) return { page: page === 'setup' || page === 'mail' ? page : 'reset', secret };
  const [, stop] = /^#\/digests\/([A-Za-z0-9_.-]{1,200})$/.exec(hash) ?? [];
  if (stop !== undefined) return { page: 'digests', secret: stop };
  const server = /^#\/server(?:\/([a-z]+))?(?:\?(.*))?$/.exec(hash);
  if (server) {
    const section = serverSections.find((s) => s === server[1]);
    if (server[1] !== undefined && !section) return { page: 'rooms' };
    return { page: 'server', ...(section && { section }), asked: Object.fromEntries(new URLSearchParams(server[2] ?? '')) };
  }
  if (hash === '#/threads') return { page: 'threads' };
  const [, of, user, id, answer] = /^#\/room\/([A-Za-z0-9_-]{1,64})\/thread\/([A-Za-z0-9_-]{1,64})\/([A-Za-z0-9_-]{1,64})(?:\/(\d{1,16}))?$/.exec(hash) ?? [];
  if (id !== undefined) return { page: 'room', room: of!, thread: { user: user!, id, ...(answer !== undefined && Number.isSafeInteger(Number(answer)) && { seq: Number(answer) }) } };
  const [, room, seq] = /^#\/room\/([A-Za-z0-9_-]{1,64})(?:\/(\d{1,16}))?$/.exec(hash) ?? [];
  if (room === undefined) return { page: 'rooms' };
  return { page: 'room', room, ...(seq !== undefined && Number.isSafeInteger(Number(seq)) && { seq: Number(seq) }) };
}

/** The invitation in the address, as ?invite=…; undefined: none. */
export function parseInvitation(search: string): string | undefined {
  return new URLSearchParams(search).get('invite') || undefined;
}

/** The address of a room, or of one of its messages. */
export function roomHash(room: string, seq?: number): string {
  return `#/room/${room}${seq === undefined ? '' : `/${seq}`}`;
}

/** The address of a thread, which is named by its root, or of one of its answers. */
export function threadHash(room: string, root: { readonly user: string; readonly id: string }, seq?: number): string {
  return `#/room/${room}/thread/${root.user}/${root.id}${seq === undefined ? '' : `/${seq}`}`;
}

/** The address of a part of the server page; empty fields are left out. */
export function serverHash(section?: ServerSection, asked: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(asked).filter((a): a is [string, string] => !!a[1]);
  return `#/server${section ? `/${section}` : ''}${given.length ? `?${new URLSearchParams(given).toString()}` : ''}`;
}

/** The address of a message that was found: an answer that its room does not show is in its thread. */
export function foundHash({ room, message }: FoundMessage): string {
  const { thread, broadcast, seq } = message;
  return thread && !broadcast ? threadHash(room, { user: thread.author, id: thread.id }, seq) : roomHash(room, seq);
}
